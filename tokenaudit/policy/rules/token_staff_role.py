"""A token has the role of the Hub's own staff."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-staff-role",
    title="A token with the staff role",
    severity=Severity.CRITICAL,
    why="The role god is not documented for users; it must be taken for the highest power there is.",
    remedy="Revoke it at once and tell security@huggingface.co if it is not yours.",
    bad="A token with the role god.",
    good="A fine-grained token.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token has the role of the Hub's own staff."""
    inspection = active(credential)
    if inspection is not None and inspection.role == "god":
        yield Reason(
            RULE.id, RULE.severity, "role god: the Hub's staff role, of unknown and highest power", RULE.remedy
        )
