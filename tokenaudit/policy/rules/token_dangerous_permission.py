"""A token holds a permission that can do much harm."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import NARROW, effect_of, is_known
from tokenaudit.policy.context import EffectivePermission, PolicyContext, active, grouped, powers

RULE = Rule(
    id="token-dangerous-permission",
    title="A token with a dangerous permission",
    severity=Severity.HIGH,
    why="Some permissions cost money, run code, open other accounts' data, or cover a whole namespace.",
    remedy="Drop the permission, or move it to a token of its own that is used nowhere else.",
    bad="job.write on user alice beside repo.content.read.",
    good="repo.content.read on one dataset.",
)

_JUDGED_ELSEWHERE = frozenset({"repo.write", "write-repos", "manage-repos"})


def _dangerous(power: EffectivePermission) -> bool:
    if not is_known(power.permission) or power.permission in _JUDGED_ELSEWHERE:
        return False
    return power.danger.rank >= Severity.HIGH.rank or _reads_widely(power)


def _reads_widely(power: EffectivePermission) -> bool:
    """Reading a whole namespace is more than any one use needs."""
    if power.entity is None:
        return power.permission == "read-repos"
    return power.permission == "repo.content.read" and power.entity.type not in NARROW


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token holds a permission that can do much harm."""
    inspection = active(credential)
    if inspection is None:
        return
    own = context.settings.dangerous_permissions
    for group in grouped(power for power in powers(inspection) if power.permission in own):
        severity = max(group.severity, Severity.HIGH, key=lambda grade: grade.rank)
        message = f"{group.permission} on {group.where} is on your own list of dangerous permissions"
        yield Reason(RULE.id, severity, message, RULE.remedy)
    for group in grouped(power for power in powers(inspection) if power.permission not in own and _dangerous(power)):
        message = f"{group.permission} on {group.where} lets its holder {effect_of(group.permission)}{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)
