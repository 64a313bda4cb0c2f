"""A token has a permission with a high potential for damage."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import NARROW, effect_of, is_known
from tokenaudit.policy.context import EffectivePermission, PolicyContext, active, effective_permissions, grouped

RULE = Rule(
    id="token-dangerous-permission",
    title="Dangerous permission",
    severity=Severity.HIGH,
    why="Some permissions cost money, run code, expose data of other accounts, or cover a whole namespace.",
    remedy="Remove the permission, or move it to a separate token with a single use.",
    bad="job.write on user alice in addition to repo.content.read.",
    good="repo.content.read on one dataset.",
)

_COVERED_BY_OTHER_RULES = frozenset({"repo.write", "write-repos", "manage-repos"})


def _dangerous(granted: EffectivePermission) -> bool:
    if not is_known(granted.permission) or granted.permission in _COVERED_BY_OTHER_RULES:
        return False
    return granted.danger.rank >= Severity.HIGH.rank or _reads_widely(granted)


def _reads_widely(granted: EffectivePermission) -> bool:
    """Whether the permission reads a whole namespace, which is more than a single use needs."""
    if granted.entity is None:
        return granted.permission == "read-repos"
    return granted.permission == "repo.content.read" and granted.entity.type not in NARROW


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token has a permission with a high potential for damage."""
    inspection = active(credential)
    if inspection is None:
        return
    own = context.settings.dangerous_permissions
    for group in grouped(granted for granted in effective_permissions(inspection) if granted.permission in own):
        severity = max(group.severity, Severity.HIGH, key=lambda grade: grade.rank)
        message = f"{group.permission} on {group.where} is listed in dangerous-permissions of your settings"
        yield Reason(RULE.id, severity, message, RULE.remedy)
    for group in grouped(
        granted
        for granted in effective_permissions(inspection)
        if granted.permission not in own and _dangerous(granted)
    ):
        message = f"{group.permission} on {group.where} allows to {effect_of(group.permission)}{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)
