"""A token holds a permission that nobody has heard of."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import Context, active, powers
from tokenaudit.policy.permissions import is_known

RULE = Rule(
    id="token-unknown-permission",
    title="A token with an unknown permission",
    severity=Severity.HIGH,
    why="The Hub's list of permissions is open. What a new one allows is not known here, so it counts as dangerous.",
    remedy="Look the permission up in the token's settings page; drop it unless it is needed. Update tokenaudit.",
    bad="quantum.entangle.write on a dataset.",
    good="repo.content.read on a dataset.",
)


def check(credential: Credential, context: Context) -> Iterator[Reason]:
    """A token holds a permission that nobody has heard of."""
    inspection = active(credential)
    if inspection is None:
        return
    for power in powers(inspection):
        if not is_known(power.permission) and power.permission not in context.settings.dangerous_permissions:
            yield Reason(
                RULE.id,
                RULE.severity,
                f"{power.permission} on {power.where} is not a known permission, so it is taken for a dangerous one",
                RULE.remedy,
            )
