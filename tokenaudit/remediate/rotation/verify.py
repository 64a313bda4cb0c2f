"""Whether a new credential is the one that was asked for: who it is, what it may do, and what it may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, auth_check
from tokenaudit.model import Grant, Inspection
from tokenaudit.permissions import GATED, GLOBAL, READ, WRITE, label_of
from tokenaudit.remediate.grants import union
from tokenaudit.secret import Secret

_CHECKABLE = frozenset({"model", "dataset", "space"})


@dataclass(frozen=True)
class GrantDifference:
    """Where granted and wanted differ, each difference in words."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def identity_trouble(new: Inspection, old: Inspection | None, account: str | None) -> str | None:
    """Why a new credential can't take the old one's place, whatever it may do; None where nothing is wrong with it."""
    expected = account or (old.account.name if old and old.account else None)
    name = new.account.name if new.account else None
    pending = [o.name for o in new.orgs if "token-policy" in o.restrictions]
    for wrong, words in (
        (new.dead, f"the new token is already dead: {new.reason}"),
        (new.status != "active", f"the Hub does not say who the new token is: {new.reason}; try again later"),
        (expected not in {None, name}, f"the new token speaks for {name}, the old one for {expected}"),
        (new.role != "fineGrained", f"the new token has the role {new.role}: make a fine-grained one"),
        (not new.details_known, "the Hub does not say what the new token may do"),
        (bool(pending), f"the new token still has to be approved by {', '.join(pending)}"),
    ):
        if wrong:
            return words
    return None


def compare(new: Inspection, wanted: Sequence[Grant]) -> GrantDifference:
    """What the new credential lacks of `wanted`, and what it has beyond. Who may write a repository may read it."""
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


def access_problems(hub: Hub, new: Secret, wanted: Sequence[Grant]) -> tuple[bool | None, tuple[str, ...]]:
    """Tries the repositories that must open. Nothing is changed by trying.

    True where all behave as wanted, False where one does not, None where the Hub gave no answer that settles it.
    The second part says of each how it behaved.
    """
    results: list[bool | None] = []
    said = []
    for grant in wanted:
        if grant.entity.type not in _CHECKABLE or not grant.entity.name:
            continue
        for permission in sorted({READ, WRITE} & set(grant.permissions)):
            kind = cast("GitRepoType", grant.entity.type)
            found = auth_check(hub, grant.entity.name, kind, new, write=permission == WRITE)
            results.append(found.allowed)
            said.append(found.reason)
    return (False if False in results else None if None in results else True), tuple(said)
