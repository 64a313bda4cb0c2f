"""An exposed credential is active."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Inspection, Reason, Rule, Severity
from tokenaudit.policy.context import (
    CLASSIC_ROLES,
    UNCOMMITTED,
    PolicyContext,
    active,
    effective_permissions,
    exposed,
    seen,
    uncommitted,
)

RULE = Rule(
    id="token-exposed-active",
    title="Active credential exposed",
    severity=Severity.CRITICAL,
    why="Everyone who can read the location can use the credential now.",
    remedy=(
        "Revoke it first, then replace it, then remove the value from the location. Deleting a value from a history or "
        "log does not undo the exposure."
    ),
    bad="A write token in a committed notebook, accepted by the Hub.",
    good="A token that was revoked as soon as it was found.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """An exposed credential is active."""
    inspection = active(credential)
    if inspection is None or not exposed(credential):
        return
    who = inspection.account.name if inspection.account is not None else "an unknown account"
    message = f"active; belongs to {who} (role {inspection.role}), {seen(credential)}"
    remedy = UNCOMMITTED if uncommitted(credential) else RULE.remedy
    yield Reason(RULE.id, _severity(inspection), message, remedy)


def _severity(inspection: Inspection) -> Severity:
    """The severity of its most dangerous permission, one step up because it is exposed."""
    if inspection.role in CLASSIC_ROLES:
        return Severity.HIGH if inspection.role == "read" else Severity.CRITICAL
    if not inspection.details_known:
        return Severity.CRITICAL
    worst = max((granted.danger.rank for granted in effective_permissions(inspection)), default=0)
    if worst >= Severity.HIGH.rank:
        return Severity.CRITICAL
    return Severity.HIGH if worst >= Severity.MEDIUM.rank else Severity.MEDIUM
