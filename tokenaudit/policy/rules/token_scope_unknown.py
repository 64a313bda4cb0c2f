"""What a token may do can't be told."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-scope-unknown",
    title="A token whose rights can't be told",
    severity=Severity.HIGH,
    why="The Hub named a role without its details, or answered in a way that is not understood. Nothing may then be "
    "called harmless.",
    remedy="Look at the token in its owner's settings; replace it by a fine-grained one whose grants can be read.",
    bad="Role fineGrained without grants; an OAuth token whose scopes can't be read.",
    good="A fine-grained token with its grants.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """What a token may do can't be told."""
    inspection = credential.inspection
    if inspection is None or inspection.dead:
        return
    if active(credential) is None:
        message = f"neither its owner nor its rights are known: {inspection.reason}"
        yield Reason(RULE.id, Severity.INFO, message, "Ask again later.")
    elif not inspection.details_known:
        message = f"role {inspection.role}, but what exactly it may do is not known: {inspection.reason}"
        yield Reason(RULE.id, RULE.severity, message, RULE.remedy)
