"""A token has a permission that tokenaudit does not know."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import is_known
from tokenaudit.policy.context import PolicyContext, active, effective_permissions, grouped

RULE = Rule(
    id="token-unknown-permission",
    title="Unknown permission",
    severity=Severity.HIGH,
    why="The Hub can add permissions at any time. An unknown one counts as dangerous.",
    remedy="Look up the permission on the token's settings page and remove it unless it is needed. Update tokenaudit.",
    bad="quantum.entangle.write on a dataset.",
    good="repo.content.read on a dataset.",
)

_MOST = 20


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token has a permission that tokenaudit does not know."""
    inspection = active(credential)
    if inspection is None:
        return
    expected = context.settings.dangerous_permissions
    unknown = grouped(
        granted
        for granted in effective_permissions(inspection)
        if not is_known(granted.permission) and granted.permission not in expected
    )
    for group in unknown[:_MOST]:
        message = f"{group.permission} on {group.where} is an unknown permission and counts as dangerous"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
    if len(unknown) > _MOST:
        yield Reason(RULE.id, RULE.severity, f"{len(unknown) - _MOST} more unknown permissions", RULE.remedy)
