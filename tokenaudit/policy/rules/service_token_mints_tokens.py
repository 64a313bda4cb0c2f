"""A service account's token can create tokens."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Reason, Rule, ServiceToken, Severity
from tokenaudit.policy.context import PolicyContext

RULE = Rule(
    id="service-token-mints-tokens",
    title="Service account token that mints tokens",
    severity=Severity.CRITICAL,
    why=(
        "org.serviceAccounts.write creates tokens with any permission of a service account, and replaces those of "
        "others. Deleting the stolen token does not delete the tokens that it created."
    ),
    remedy=(
        "Give the permission to one administrative token that no job uses. Remove it here: `tokenaudit "
        "service-accounts narrow`. Check the audit log for org.service_account.token.create."
    ),
    bad="A deployment token with org.serviceAccounts.write.",
    good="org.serviceAccounts.read for a job that lists tokens.",
)

_PERMISSION = "org.serviceAccounts.write"


def check(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """A service account's token can create tokens."""
    del context
    if _PERMISSION in token.permissions:
        message = f"{_PERMISSION} allows to create tokens with any permission of a service account"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
