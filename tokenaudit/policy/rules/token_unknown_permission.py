"""A token holds a permission that nobody has heard of."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import is_known
from tokenaudit.policy.context import PolicyContext, active, grouped, powers

RULE = Rule(
    id="token-unknown-permission",
    title="A token with an unknown permission",
    severity=Severity.HIGH,
    why="The Hub's list of permissions is open. What a new one allows is not known here, so it counts as dangerous.",
    remedy="Look the permission up in the token's settings page; drop it unless it is needed. Update tokenaudit.",
    bad="quantum.entangle.write on a dataset.",
    good="repo.content.read on a dataset.",
)

_MOST = 20


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token holds a permission that nobody has heard of."""
    inspection = active(credential)
    if inspection is None:
        return
    expected = context.settings.dangerous_permissions
    unknown = grouped(
        power for power in powers(inspection) if not is_known(power.permission) and power.permission not in expected
    )
    for group in unknown[:_MOST]:
        message = f"{group.permission} on {group.where} is not a known permission, so it is taken for a dangerous one"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
    if len(unknown) > _MOST:
        yield Reason(RULE.id, RULE.severity, f"{len(unknown) - _MOST} more permissions are not known", RULE.remedy)
