"""Access that a new credential should not have, checked with requests to the Hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, Service, auth_check, is_namespace, service_check
from tokenaudit.hub.repo_listing import popularity, visible_repositories
from tokenaudit.hub.result import Failure
from tokenaudit.model import Entity, Grant, Inspection
from tokenaudit.permissions import READ, REPOSITORY_TYPES, WRITE, namespace_of
from tokenaudit.secret import Secret
from tokenaudit.text import count

_CHECKABLE: tuple[GitRepoType, ...] = ("model", "dataset", "space")
_MOST_LISTED = 200
_MOST_TRIED = 100
_MOST_NAMESPACES = 20
_SHOWN = 5
_SERVICES: tuple[tuple[Service, str, frozenset[str]], ...] = (
    ("jobs", "write", frozenset({"job.write"})),
    ("inference-endpoints", "write", frozenset({"inference.endpoints.write"})),
    ("inference-endpoints", "infer", frozenset({"inference.endpoints.write", "inference.endpoints.infer.write"})),
)
"""The services to check in each namespace, with the permissions that allow access."""


@dataclass(frozen=True)
class Identity:
    """A credential that can list repositories, with its inspection."""

    secret: Secret
    inspection: Inspection


@dataclass(frozen=True)
class _Repo:
    type: GitRepoType
    id: str
    is_private: bool


@dataclass(frozen=True)
class Overreach:
    """Result of the access checks, as texts.

    `opened` is excess access, `unsettled` checks without a clear response, `tried` the amount of checks, and `untried`
    what could not be checked.
    """

    opened: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    tried: str = ""
    untried: tuple[str, ...] = ()


def overreach(hub: Hub, new: Secret, wanted: Sequence[Grant], identities: Sequence[Identity]) -> Overreach:
    """Checks the access of `new` to repositories, Jobs and Inference Endpoints outside its grants. Read-only.

    The namespaces are the accounts of `identities`, their organizations, and those of `wanted`: an organization can be
    accessible to a credential whose grants don't name it. Each of `identities`, including `new`, lists the repositories
    that it can see there, including private ones.
    """
    namespaces, untried = _namespaces(wanted, identities)
    found = {name: _listed(hub, name, identities) for name in namespaces}
    untried += [f"repositories of {name} can't be listed" for name, repos in found.items() if repos is None]
    if any(grant.entity.type not in {*REPOSITORY_TYPES, "user", "org", "global"} for grant in wanted):
        untried.append("other repositories not checked: the contents of the resource group are unknown")
        found = {}
    repos = {
        name: [repo for repo in repos or () if not _may(wanted, repo, WRITE, identities)]
        for name, repos in found.items()
    }
    chosen = list(islice(_in_turn(list(repos.values())), _MOST_TRIED))
    opened: list[str] = []
    unsettled: list[str] = []
    for repo in chosen:
        for write in (False, True) if repo.is_private and not _may(wanted, repo, READ, identities) else (True,):
            answer = auth_check(hub, repo.id, repo.type, new, write=write)
            _sort(answer.allowed, answer.reason, opened, unsettled)
    for name in namespaces:
        for service, permission, rights in _SERVICES:
            if not any(_on_namespace(wanted, name, right, identities) for right in rights):
                answer = service_check(hub, name, service, permission, new)
                _sort(answer.allowed, answer.reason, opened, unsettled)
    total = sum(map(len, repos.values()))
    some = f"{len(chosen)} of " if total > len(chosen) else ""
    amount = f"{some}{count(total, 'other repository')}, " if total else ""
    tried = f"{amount}Jobs and Inference Endpoints of {', '.join(namespaces)} deny access"
    return Overreach(tuple(opened), tuple(unsettled), tried if namespaces and not opened else "", tuple(untried))


def messages_of(found: Overreach) -> tuple[str, ...]:
    """The results as messages; only the first of many similar ones."""
    opened = list(found.opened[:_SHOWN])
    if len(found.opened) > _SHOWN:
        opened.append(f"and {len(found.opened) - _SHOWN} more that it should not")
    return (*opened, *found.unsettled[:_SHOWN], *((found.tried,) if found.tried else ()), *found.untried)


def _sort(allowed: bool | None, reason: str, opened: list[str], unsettled: list[str]) -> None:  # noqa: FBT001 - an answer
    if allowed:
        opened.append(reason)
    elif allowed is None:
        unsettled.append(reason)


def _namespaces(wanted: Sequence[Grant], identities: Sequence[Identity]) -> tuple[list[str], list[str]]:
    """The namespaces to check, and messages about those left out."""
    named: list[str | None] = []
    for identity in identities:
        named += [identity.inspection.account.name if identity.inspection.account else None]
        named += [org.name for org in identity.inspection.orgs]
        named += [_namespace(grant.entity) for grant in identity.inspection.grants]
    named += [_namespace(grant.entity) for grant in wanted]
    unique = [name for name in dict.fromkeys(named) if name and is_namespace(name)]
    left_out = (
        [f"{len(unique) - _MOST_NAMESPACES} more namespaces not checked"] if len(unique) > _MOST_NAMESPACES else []
    )
    return unique[:_MOST_NAMESPACES], left_out


def _namespace(entity: Entity) -> str | None:
    return entity.name if entity.type in {"user", "org"} else namespace_of(entity)


def _listed(hub: Hub, namespace: str, identities: Sequence[Identity]) -> list[_Repo] | None:
    """Every repository in a namespace that any of `identities` can list, private ones first; None if none can list."""
    found: dict[tuple[str, str], _Repo] = {}
    answers = 0
    for identity in identities:
        is_own = identity.inspection.account is not None and identity.inspection.account.name == namespace
        if is_own or any(org.name == namespace for org in identity.inspection.orgs):
            listed = visible_repositories(hub, None if is_own else namespace, identity.secret, limit=_MOST_LISTED)
            if not isinstance(listed, Failure):
                answers += 1
                for row in listed:
                    if row.type in _CHECKABLE and row.id.startswith(f"{namespace}/"):
                        found[row.type, row.id] = _Repo(row.type, row.id, row.visibility == "private")
                continue
        for kind in _CHECKABLE:
            seen = popularity(hub, namespace, kind, identity.secret, limit=_MOST_LISTED)
            if not isinstance(seen, Failure):
                answers += 1
                for name, about in seen.items():
                    found.setdefault((kind, name), _Repo(kind, name, about.private is True))
    return sorted(found.values(), key=lambda repo: not repo.is_private) if answers else None


def _may(wanted: Sequence[Grant], repo: _Repo, permission: str, identities: Sequence[Identity]) -> bool:
    rights = {permission, WRITE}
    here = any(g.entity.type == repo.type and g.entity.name == repo.id and rights & set(g.permissions) for g in wanted)
    return here or any(_on_namespace(wanted, repo.id.partition("/")[0], right, identities) for right in rights)


def _on_namespace(wanted: Sequence[Grant], name: str, permission: str, identities: Sequence[Identity]) -> bool:
    own = {i.inspection.account.name for i in identities if i.inspection.account}
    return any(
        permission in grant.permissions
        and grant.entity.type in {"user", "org"}
        and (grant.entity.name == name or (grant.entity == Entity("user") and name in own))
        for grant in wanted
    )


def _in_turn(lists: Sequence[Sequence[_Repo]]) -> Iterator[_Repo]:
    """The first of each list, then the second of each, so that a large namespace does not displace others."""
    for row in zip_longest(*lists):
        yield from (repo for repo in row if repo is not None)
