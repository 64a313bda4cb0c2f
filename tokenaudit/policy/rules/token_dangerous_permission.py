"""A token holds a permission that can do much harm."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import Context, Power, active, powers
from tokenaudit.policy.permissions import NARROW, in_words, is_known

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


def _reads_widely(power: Power) -> bool:
    """Reading a whole namespace is more than any one use needs."""
    if power.entity is None:
        return power.permission == "read-repos"
    return power.permission == "repo.content.read" and power.entity.type not in NARROW


def check(credential: Credential, context: Context) -> Iterator[Reason]:
    """A token holds a permission that can do much harm."""
    inspection = active(credential)
    if inspection is None:
        return
    for power in powers(inspection):
        named = power.permission in context.settings.dangerous_permissions
        if not is_known(power.permission) and not named:
            continue
        if power.permission in _JUDGED_ELSEWHERE and not named:
            continue
        if named or power.danger.rank >= Severity.HIGH.rank or _reads_widely(power):
            note = " (on your own list of dangerous permissions)" if named else power.note
            severity = max(power.severity, Severity.HIGH, key=lambda grade: grade.rank) if named else power.severity
            yield Reason(
                RULE.id,
                severity,
                f"{power.permission} on {power.where} lets its holder {in_words(power.permission)}{note}",
                RULE.remedy,
            )
