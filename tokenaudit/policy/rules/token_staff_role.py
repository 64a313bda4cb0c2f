"""A token has the role of Hugging Face staff."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-staff-role",
    title="Token with the staff role",
    severity=Severity.CRITICAL,
    why="The role god is not documented for users. Treat it as unlimited access.",
    remedy="Revoke it now. If it is not yours, report it to security@huggingface.co.",
    bad="A token with role god.",
    good="A fine-grained token.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token has the role of Hugging Face staff."""
    inspection = active(credential)
    if inspection is not None and inspection.role == "god":
        yield Reason(RULE.id, RULE.severity, "role god: the staff role of the Hub, with unlimited access", RULE.remedy)
