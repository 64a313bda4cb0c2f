"""Translates grants to the rights that the Hub's API supports for a service account's token.

A token has one list of permissions for the organization and one for all of its repositories, which overrides the first
there. Grants that these lists can't express are refused with the nearest narrower choice, never widened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tokenaudit.errors import UsageError
from tokenaudit.hub.service_accounts import MOST_PATTERNS
from tokenaudit.model import Entity, Grant, ServiceRepository, ServiceToken
from tokenaudit.permissions import READ, TOKEN_PERMISSIONS, TOKEN_REPOSITORY_PERMISSIONS, WRITE, name_of

_REPOSITORIES = frozenset({"model", "dataset", "space", "kernel"})
_ENDPOINT = "inference.endpoints."
_PATTERN_TYPE = "inference-endpoint"
_PATTERN = re.compile(r"[^.?()\]\\[{}]{1,256}")
_SPELLED = re.compile(r"(?P<permission>[A-Za-z][\w.-]*)(?:@(?P<entity>.+))?")
_ENTITY = re.compile(r"(?P<type>[a-z-]+)(?::(?P<name>.+))?")
_PAGE = re.compile(r"(?:(?P<folder>models|datasets|spaces|kernels|buckets)/)?(?P<name>[\w.-]+/[\w.-]+)")


@dataclass(frozen=True)
class TokenRights:
    """The rights of a token. `repositories` have type and name, and the id after it was looked up."""

    permissions: tuple[str, ...] = ()
    repositories: tuple[Entity, ...] = ()
    repository_permissions: tuple[str, ...] = ()
    endpoint_patterns: tuple[str, ...] = ()

    def body(self) -> dict[str, object]:
        """Return the fields of the Hub's API."""
        return {
            "permissions": list(self.permissions),
            "repoIds": [entity.id for entity in self.repositories],
            "repoPermissions": list(self.repository_permissions),
            "endpointPatterns": list(self.endpoint_patterns),
        }

    def grants(self, organization: str) -> tuple[Grant, ...]:
        """Return the rights as grants."""
        patterns = tuple(f"{_PATTERN_TYPE}:{pattern}" for pattern in self.endpoint_patterns)
        wide = (Grant(Entity("org", organization), self.permissions, patterns),) if self.permissions else ()
        return (*wide, *(Grant(Entity(e.type, e.name), self.repository_permissions) for e in self.repositories))


def rights_of(token: ServiceToken) -> TokenRights:
    """Return the current rights of `token`."""
    inside = token.repositories[0].permissions if token.repositories else ()
    entities = tuple(Entity(each.type or "repository", each.name, each.id) for each in token.repositories)
    return TokenRights(token.permissions, entities, inside, token.endpoint_patterns)


def parse_grants(spelled: Sequence[str], organization: str) -> tuple[Grant, ...]:
    """Return the grants in `PERMISSION[@ENTITY]` form; without an entity, they are on the whole organization.

    ENTITY is `TYPE:NAME` (`model:acme/m`), a page (`datasets/acme/d`), `org`, or `inference-endpoint:PATTERN`.

    Raises:
        UsageError: a grant is invalid.
    """
    return tuple(_parse(text, organization) for text in spelled)


def _parse(text: str, organization: str) -> Grant:
    parts = _SPELLED.fullmatch(text)
    if not parts:
        raise _invalid(text)
    permission, place = parts["permission"], parts["entity"]
    if place is None:
        return Grant(Entity("org", organization), (permission,))
    page = _PAGE.fullmatch(place)
    if page:
        return Grant(Entity((page["folder"] or "models")[:-1], page["name"]), (permission,))
    named = _ENTITY.fullmatch(place)
    if not named:
        raise _invalid(text)
    if named["type"] == "org":
        return Grant(Entity("org", named["name"] or organization), (permission,))
    if named["type"] == _PATTERN_TYPE and named["name"]:
        return Grant(Entity("org", organization), (permission,), (f"{_PATTERN_TYPE}:{named['name']}",))
    return Grant(Entity(named["type"], named["name"]), (permission,))


def _invalid(text: str) -> UsageError:
    message = f"invalid grant {text!r}; use PERMISSION@TYPE:NAME, such as repo.content.read@model:acme/m"
    return UsageError(message)


def express(grants: Sequence[Grant], organization: str) -> TokenRights:
    """Return the rights that are exactly `grants`, without ids.

    Raises:
        UsageError: the API can't express them; the message has the nearest narrower choice.
    """
    refused: list[str] = []
    wide, repositories = _placed(grants, organization, refused)
    inside = _inside(repositories, wide, organization)
    limits = {frozenset(found) if found is not None else None for name, found in wide.items() if _of_endpoints(name)}
    if len({frozenset(_with_read(permissions)) for permissions in inside.values()}) > 1:
        each = "; ".join(f"{', '.join(sorted(names))} on {name_of(entity)}" for entity, names in inside.items())
        refused.append(f"a token has one list of permissions for all of its repositories, not {each}")
    if len(limits) > 1:
        refused.append("a token has one list of endpoint patterns for all of its permissions on Inference Endpoints")
    if refused:
        message = f"{'; '.join(dict.fromkeys(refused))}; {_narrower(wide, inside)}"
        raise UsageError(message)
    if not wide and not inside:
        message = "no permission to grant; name at least one"
        raise UsageError(message)
    (limit,) = limits or (None,)
    return TokenRights(
        _ordered(wide, TOKEN_PERMISSIONS),
        tuple(inside),
        _ordered({name for names in inside.values() for name in names}, TOKEN_REPOSITORY_PERMISSIONS),
        tuple(sorted(limit or ())),
    )


def _placed(
    grants: Sequence[Grant], organization: str, refused: list[str]
) -> tuple[dict[str, set[str] | None], dict[Entity, set[str]]]:
    """Return the permissions on the organization with their patterns (None: no restriction), and those per repository.

    Grants that fit neither are added to `refused`.
    """
    wide: dict[str, set[str] | None] = {}
    repositories: dict[Entity, set[str]] = {}
    for grant in grants:
        entity = grant.entity
        if entity.type in {"org", "namespace"} and entity.name in {None, organization}:
            patterns = _patterns(grant, refused)
            for name in grant.permissions:
                if _accepted(name, TOKEN_PERMISSIONS, "an organization", refused):
                    before = wide.get(name, set())
                    limited = patterns if _of_endpoints(name) else None
                    # Two grants of one permission add up: without patterns it covers all endpoints.
                    wide[name] = None if limited is None or before is None else before | limited
        elif entity.type in _REPOSITORIES and entity.name and "/" in entity.name:
            for name in grant.permissions:
                if _accepted(name, TOKEN_REPOSITORY_PERMISSIONS, "one repository", refused):
                    repositories.setdefault(Entity(entity.type, entity.name), set()).add(name)
        else:
            refused.append(_no_such_place(entity, organization))
    return wide, repositories


def _of_endpoints(permission: str) -> bool:
    return permission.startswith(_ENDPOINT)


def _accepted(name: str, known: Iterable[str], where: str, refused: list[str]) -> bool:
    if name in known:
        return True
    refused.append(f"a service account's token can't have {name} on {where}")
    return False


def _patterns(grant: Grant, refused: list[str]) -> set[str] | None:
    """Return the endpoint patterns of a grant; None without any, which means all endpoints."""
    if not grant.patterns:
        return None
    found: set[str] = set()
    for pattern in grant.patterns:
        kind, colon, name = pattern.partition(":")
        name = name if colon else kind
        if (colon and kind != _PATTERN_TYPE) or not _PATTERN.fullmatch(name):
            refused.append(f"the pattern {pattern!r} is not one of Inference Endpoints")
        else:
            found.add(name)
    if len(found) > MOST_PATTERNS:
        refused.append(f"a token has at most {MOST_PATTERNS} endpoint patterns")
    if any(not _of_endpoints(name) for name in grant.permissions):
        refused.append("patterns only restrict permissions on Inference Endpoints")
    return found


def _no_such_place(entity: Entity, organization: str) -> str:
    if entity.type == "bucket":
        return f"the Hub does not return the id of {name_of(entity)}, so no token can be limited to it"
    if entity.type == "resource-group":
        return f"a service account's token can't be limited to {name_of(entity)}; name its repositories"
    if entity.type in {"org", "namespace"}:
        return f"a service account of {organization} has no permissions on {name_of(entity)}"
    return f"a service account's token can't have permissions on {name_of(entity)}"


def _inside(
    repositories: dict[Entity, set[str]], wide: dict[str, set[str] | None], organization: str
) -> dict[Entity, set[str]]:
    """Return the permissions per repository; those on the organization are included, since the list overrides them."""
    everywhere = {name for name in wide if name in TOKEN_REPOSITORY_PERMISSIONS}
    return {
        entity: names | everywhere if (entity.name or "").startswith(f"{organization}/") else names
        for entity, names in repositories.items()
    }


def _with_read(permissions: Iterable[str]) -> set[str]:
    names = set(permissions)
    return names | {READ} if WRITE in names else names


def _narrower(wide: dict[str, set[str] | None], inside: dict[Entity, set[str]]) -> str:
    """Return the nearest narrower choice as arguments."""
    common = set.intersection(*(_with_read(names) for names in inside.values())) if inside else set()
    if any(_with_read(names) != common for names in inside.values()):
        common &= {READ}
    endpoints = {name: found for name, found in wide.items() if _of_endpoints(name)}
    sets = [found for found in endpoints.values() if found is not None]
    shared = set.intersection(*sets) if sets else None
    arguments = [f"--grant {name}" for name in _ordered(wide, TOKEN_PERMISSIONS) if name not in endpoints]
    for name in _ordered(endpoints, TOKEN_PERMISSIONS):
        if shared is None:
            arguments.append(f"--grant {name}")
        arguments += [f"--grant {name}@{_PATTERN_TYPE}:{pattern}" for pattern in sorted(shared or ())]
    for entity, names in inside.items():
        kept = common if WRITE not in common else names & common
        arguments += [
            f"--grant {name}@{entity.type}:{entity.name}" for name in _ordered(kept, TOKEN_REPOSITORY_PERMISSIONS)
        ]
    if not arguments:
        return "none of it can be granted"
    several = ", or one token for each list" if len({frozenset(_with_read(n)) for n in inside.values()}) > 1 else ""
    return f"nearest narrower choice: {' '.join(arguments)}{several}"


def _ordered(names: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    present = set(names)
    return tuple(name for name in known if name in present)


def with_ids(rights: TokenRights, look_up: Callable[[Entity], str]) -> TokenRights:
    """Return `rights` with the id of each repository."""
    entities = tuple(Entity(e.type, e.name, look_up(e)) for e in rights.repositories)
    return TokenRights(rights.permissions, entities, rights.repository_permissions, rights.endpoint_patterns)


def widened(before: ServiceToken, after: TokenRights, organization: str) -> list[str]:
    """Return in words what `after` allows and `before` does not; an empty list if nothing.

    The list of a repository overrides the permissions on the organization: to leave a repository out of the list can
    widen the rights on it.
    """
    if before.role == "write":
        return []
    own = set(_with_read(before.permissions)) | ({READ} if before.role == "read" else set())
    found = [f"{name} on the whole organization" for name in after.permissions if name not in own]
    overridden = {each.id: each for each in before.repositories}
    kept = {entity.id for entity in after.repositories}
    for entity in after.repositories:
        old = overridden.get(entity.id or "")
        allowed = _allowed(old, own, entity, organization)
        found += [f"{name} on {name_of(entity)}" for name in after.repository_permissions if name not in allowed]
    wide = _with_read(name for name in after.permissions if name in TOKEN_REPOSITORY_PERMISSIONS)
    for identifier, old in overridden.items():
        more = wide - _with_read(old.permissions)
        if identifier not in kept and more:
            name = old.name or f"the repository {identifier}"
            found += [f"{each} on {name}, which now has a separate list" for each in sorted(more)]
    endpoints = [name for name in after.permissions if _of_endpoints(name)]
    if endpoints and before.endpoint_patterns:
        if not after.endpoint_patterns:
            found.append("Inference Endpoints that no current pattern allows")
        found += [
            f"Inference Endpoints {pattern}"
            for pattern in after.endpoint_patterns
            if not any(fnmatchcase(pattern, known) for known in before.endpoint_patterns)
        ]
    return found


def _allowed(old: ServiceRepository | None, wide: set[str], entity: Entity, organization: str) -> set[str]:
    if old is not None:
        return _with_read(old.permissions)
    inside = (entity.name or "").startswith(f"{organization}/")
    # Any token can read a public repository; the Hub accepts no other repository of another owner.
    return {name for name in wide if name in TOKEN_REPOSITORY_PERMISSIONS} if inside else {READ}
