"""A credential that the Hub accepts stands where others can read it."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Inspection, Reason, Rule, Severity
from tokenaudit.policy.context import (
    CLASSIC_ROLES,
    UNCOMMITTED,
    PolicyContext,
    active,
    exposed,
    powers,
    seen,
    uncommitted,
)

RULE = Rule(
    id="token-exposed-active",
    title="A live credential stands where others can read it",
    severity=Severity.CRITICAL,
    why="Whoever reads the place can act with it right now.",
    remedy="Revoke it first, then replace it, then clean the place: a value in a history or a log can't be taken back.",
    bad="A write token in a committed notebook, accepted by the Hub.",
    good="A token that was revoked as soon as it was seen.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A credential that the Hub accepts stands where others can read it."""
    inspection = active(credential)
    if inspection is None or not exposed(credential):
        return
    who = inspection.account.name if inspection.account is not None else "an unknown account"
    message = f"live: the Hub takes it for {who} ({inspection.role}), and it was {seen(credential)}"
    remedy = UNCOMMITTED if uncommitted(credential) else RULE.remedy
    yield Reason(RULE.id, _severity(inspection), message, remedy)


def _severity(inspection: Inspection) -> Severity:
    """By what the holder can do with it: the worst of its permissions, one step up for being in the open."""
    if inspection.role in CLASSIC_ROLES:
        return Severity.HIGH if inspection.role == "read" else Severity.CRITICAL
    if not inspection.details_known:
        return Severity.CRITICAL
    worst = max((power.danger.rank for power in powers(inspection)), default=0)
    if worst >= Severity.HIGH.rank:
        return Severity.CRITICAL
    return Severity.HIGH if worst >= Severity.MEDIUM.rank else Severity.MEDIUM
