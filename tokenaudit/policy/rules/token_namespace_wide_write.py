"""A fine-grained token may write all repositories of a person."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import EffectivePermission, PolicyContext, active, grouped, powers

RULE = Rule(
    id="token-namespace-wide-write",
    title="A fine-grained token that writes a whole personal namespace",
    severity=Severity.CRITICAL,
    why=(
        "repo.write on a user covers every repository of that user, present and future, with their settings "
        "and secrets."
    ),
    remedy="Give repo.write on the named repositories only.",
    bad="repo.write on user alice.",
    good="repo.write on model alice/demo.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A fine-grained token may write all repositories of a person."""
    inspection = active(credential)
    if inspection is None:
        return
    for group in grouped(power for power in powers(inspection) if _writes_all_of_a_user(power)):
        message = f"{group.permission} on {group.where}: writes every repository there{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)


def _writes_all_of_a_user(power: EffectivePermission) -> bool:
    if power.entity is None:
        return power.permission in ("write-repos", "manage-repos")
    return power.permission == "repo.write" and power.entity.type == "user"
