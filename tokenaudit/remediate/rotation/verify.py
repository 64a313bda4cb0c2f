"""Verifies a new credential: account, grants, access, and copies of the old value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote_to_bytes

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, auth_check
from tokenaudit.interfaces import Scanner
from tokenaudit.model import Grant, Inspection, Skipped
from tokenaudit.permissions import GATED, GLOBAL, READ, WRITE, label_of
from tokenaudit.remediate.consumers import Content
from tokenaudit.remediate.grants import union
from tokenaudit.secret import Secret

_CHECKABLE = frozenset({"model", "dataset", "space"})


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
            kind = cast("GitRepoType", grant.entity.type)
            found = auth_check(hub, grant.entity.name, kind, new, write=permission == WRITE)
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
