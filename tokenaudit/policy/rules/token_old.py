"""A token is older than the policy allows."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-old",
    title="A token older than the policy allows",
    severity=Severity.MEDIUM,
    why=(
        "The Hub's user tokens never expire and show no last use: age is the only measure of how many hands "
        "one went through."
    ),
    remedy="Rotate it: create a new one, move its consumers, revoke the old one.",
    bad="A token created three years ago.",
    good="A token created this quarter.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token is older than the policy allows."""
    inspection = active(credential)
    if inspection is None or inspection.created_at is None:
        return
    days = (context.now - inspection.created_at).days
    if days > context.settings.max_age_days:
        message = (
            f"created {day(inspection.created_at)}, {days} days ago; the policy allows {context.settings.max_age_days}"
        )
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
