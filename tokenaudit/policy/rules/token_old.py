"""A token is older than the policy allows."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-old",
    title="Token older than the policy allows",
    severity=Severity.MEDIUM,
    why=(
        "User tokens of the Hub never expire and show no last use. Age is the only indicator of how widely one was "
        "copied."
    ),
    remedy="Rotate it: create a new token, update its consumers, revoke the old token.",
    bad="A token created three years ago.",
    good="A token created this quarter.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token is older than the policy allows."""
    inspection = active(credential)
    if inspection is None or inspection.created_at is None:
        return
    days, limit = (context.now - inspection.created_at).days, context.settings.max_age_days
    if days > limit:
        message = f"created {day(inspection.created_at)}, {days} days ago; the policy allows {limit} days"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
