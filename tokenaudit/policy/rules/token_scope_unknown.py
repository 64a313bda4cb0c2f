"""The permissions of a token are unknown."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-scope-unknown",
    title="Token scope unknown",
    severity=Severity.HIGH,
    why=(
        "The Hub returned a role without grants, or a response that tokenaudit cannot parse. The token is not assumed "
        "to be harmless."
    ),
    remedy="Check the token in its owner's settings. Replace it with a fine-grained token that lists its grants.",
    bad="Role fineGrained without grants; an OAuth token without readable scopes.",
    good="A fine-grained token with its grants.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """The permissions of a token are unknown."""
    inspection = credential.inspection
    if inspection is None or inspection.dead:
        return
    if active(credential) is None:
        message = f"owner and permissions unknown: {inspection.reason}"
        yield Reason(RULE.id, Severity.INFO, message, "Run the inspection again later.")
    elif not inspection.details_known:
        message = f"role {inspection.role}, permissions unknown: {inspection.reason}"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
