"""A service account's token is exempt from the organization's network rules."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Reason, Rule, ServiceToken, Severity
from tokenaudit.policy.context import PolicyContext

RULE = Rule(
    id="service-token-skips-network-rules",
    title="Service account token that skips the network rules",
    severity=Severity.HIGH,
    why=(
        "The IP allowlist and the content access policy of the organization do not apply to the token: once stolen, "
        "it works from everywhere."
    ),
    remedy=(
        "Add the address of its consumer to the IP ranges of the organization, then remove the exemption on the "
        "token's page."
    ),
    bad="A token with skipNetworkSecurity.",
    good="A token that works only from the IP ranges of the organization.",
)


def check(token: ServiceToken, context: PolicyContext) -> Iterator[Reason]:
    """A service account's token is exempt from the organization's network rules."""
    del context
    if token.skips_network_security:
        message = "the IP allowlist and content access policy of the organization do not apply to it"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
