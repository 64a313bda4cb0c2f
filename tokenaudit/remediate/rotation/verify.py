"""Verifies a new credential: account, grants, access, and copies of the old value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from urllib.parse import unquote_to_bytes

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, Service, auth_check, is_namespace, service_check
from tokenaudit.hub.repo_listing import popularity, visible_repositories
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Entity, Grant, Inspection, Skipped
from tokenaudit.permissions import GATED, GLOBAL, READ, REPOSITORY_TYPES, WRITE, label_of, namespace_of
from tokenaudit.remediate.consumers import Content
from tokenaudit.remediate.grants import union
from tokenaudit.secret import Secret
from tokenaudit.text import count

_CHECKABLE: tuple[GitRepoType, ...] = ("model", "dataset", "space")


@dataclass(frozen=True)
class GrantDifference:
    """Differences between granted and wanted permissions, as texts."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def identity_error(new: Inspection, old: Inspection | None, account: str | None) -> str | None:
    """Why a new credential can't replace the old one, regardless of its permissions; None if it can."""
    expected = account or (old.account.name if old and old.account else None)
    name = new.account.name if new.account else None
    pending = [o.name for o in new.orgs if "token-policy" in o.restrictions]
    for wrong, words in (
        (new.dead, f"the new token is invalid: {new.reason}"),
        (new.status != "active", f"the new token can't be inspected: {new.reason}; try again later"),
        (expected not in {None, name}, f"the new token belongs to {name}, the old one to {expected}"),
        (new.role != "fineGrained", f"the new token has role {new.role}; create a fine-grained token"),
        (not new.details_known, "the permissions of the new token are unknown"),
        (bool(pending), f"the new token needs approval by {', '.join(pending)}"),
    ):
        if wrong:
            return words
    return None


def compare(new: Inspection, wanted: Sequence[Grant]) -> GrantDifference:
    """Permissions that the new credential lacks and those in excess of `wanted`. Write access includes read access."""
    everywhere = (*new.global_permissions, *((GATED,) if new.can_read_gated_repos else ()))
    granted = union((*new.grants, *((Grant(GLOBAL, everywhere),) if everywhere else ())))
    asked = union(wanted)
    own = new.account.name if new.account else None
    if ("user", None) in asked:
        asked["user", own] = asked.pop(("user", None)) | asked.get(("user", own), frozenset())
    fitting = {where: rights | {READ} if WRITE in rights else rights for where, rights in asked.items()}
    return GrantDifference(_beyond(asked, granted), _beyond(granted, fitting))


def _beyond(
    these: dict[tuple[str, str | None], frozenset[str]], those: dict[tuple[str, str | None], frozenset[str]]
) -> tuple[str, ...]:
    found = []
    for (kind, name), permissions in sorted(these.items(), key=str):
        more = sorted(permissions - those.get((kind, name), frozenset()))
        found += [f"{label_of(permission)} on {kind} {name or ''}".rstrip() for permission in more]
    return tuple(found)


def check_access(hub: Hub, new: Secret, wanted: Sequence[Grant]) -> tuple[bool | None, tuple[str, ...]]:
    """Checks the access to the wanted repositories. Read-only.

    True if all are accessible, False if one is not, None if the Hub gave no clear response. The second part has one
    message per check.
    """
    results: list[bool | None] = []
    reasons = []
    for grant in wanted:
        if grant.entity.type not in _CHECKABLE or not grant.entity.name:
            continue
        for permission in sorted({READ, WRITE} & set(grant.permissions)):
            found = auth_check(hub, grant.entity.name, grant.entity.type, new, write=permission == WRITE)
            results.append(found.allowed)
            reasons.append(found.reason)
    return (False if False in results else None if None in results else True), tuple(reasons)


@dataclass(frozen=True)
class Copies:
    """Where a value was found, as `FILE:LINE` or the name of a variable, and what was skipped."""

    places: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def copies(value: Secret, contents: Iterable[Content | Skipped], scanner: Scanner) -> Copies:
    """Searches for `value` verbatim, percent-encoded, and in every encoding that the detectors know."""
    places: dict[str, None] = {}
    skipped: dict[Skipped, None] = {}
    for content in contents:
        if isinstance(content, Skipped):
            skipped[content] = None
            continue
        places.update(dict.fromkeys(_in(value, content, scanner)))
    return Copies(tuple(places), tuple(skipped))


def _in(value: Secret, content: Content, scanner: Scanner) -> Iterable[str]:
    raw = value.reveal().encode("utf-8", "surrogateescape")
    lines = content.data.split(b"\n")
    found = [number for number, line in enumerate(lines, start=1) if raw in line or raw in unquote_to_bytes(line)]
    yield from (_place(content, number, len(lines)) for number in found)
    for detection in scanner.scan(content.data, content.where).detections:
        if detection.secret == value and detection.line not in found:
            how = f" ({', '.join(detection.via)})" if detection.via else ""
            yield f"{_place(content, detection.line, len(lines))}{how}"


def _place(content: Content, line: int | None, lines: int) -> str:
    return content.where if line is None or lines == 1 else f"{content.where}:{line}"


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
