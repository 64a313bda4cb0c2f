"""A service account's token never expires."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Reason, Rule, ServiceToken, Severity
from tokenaudit.policy.context import PolicyContext

RULE = Rule(
    id="service-token-no-expiry",
    title="Service account token without expiry",
    severity=Severity.LOW,
    why="A token without an expiry date stays valid until somebody remembers it.",
    remedy=(
        "Set an expiration on the token's page; the API can't set one. Or rotate it regularly: `tokenaudit "
        "service-accounts rotate ORG ACCOUNT TOKEN --to CONSUMER`."
    ),
    bad="A token without an expiration.",
    good="A token that expires in 90 days.",
)


def check(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """A service account's token never expires."""
    del context
    if token.expires_at is None:
        yield Reason(RULE.id, RULE.severity, "it never expires", RULE.remedy)
