"""A service account's token has not been used for a long time, or never."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Reason, Rule, ServiceToken, Severity
from tokenaudit.policy.context import PolicyContext
from tokenaudit.timestamps import day

UNUSED_DAYS = 90
_NEW_DAYS = 7

RULE = Rule(
    id="service-token-unused",
    title="Unused service account token",
    severity=Severity.MEDIUM,
    why=(
        f"A token without any use for {UNUSED_DAYS} days is most probably forgotten. Nobody notices when it is stolen, "
        "and nobody misses it when it is deleted."
    ),
    remedy=(
        "Ask the owner of the service account, then delete the token on the service account's page. Its last use is "
        "that recorded by the Hub."
    ),
    bad="A token last used in January, seen in November; a token that was never used.",
    good="A token that was used this week.",
)


def check(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """A service account's token has not been used for a long time, or never."""
    if token.last_used_at is not None:
        days = (context.now - token.last_used_at).days
        if days >= UNUSED_DAYS:
            message = f"last used {day(token.last_used_at)}, {days} days ago"
            yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
        return
    if token.created_at is None:
        yield Reason(RULE.id, RULE.severity, "never used", RULE.remedy)
        return
    days = (context.now - token.created_at).days
    severity = Severity.INFO if days < _NEW_DAYS else Severity.LOW if days < UNUSED_DAYS else RULE.severity
    yield Reason(RULE.id, severity, f"never used, created {day(token.created_at)}, {days} days ago", RULE.remedy)
