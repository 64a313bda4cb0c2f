"""A fine-grained token may write all repositories of an organization."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active, grouped, powers

RULE = Rule(
    id="token-org-wide-write",
    title="A fine-grained token that writes a whole organization",
    severity=Severity.CRITICAL,
    why="repo.write on an organization covers every repository that its owner may write there, present and future.",
    remedy="Give repo.write on the named repositories only, or on a resource group.",
    bad="repo.write on org acme.",
    good="repo.write on model acme/demo.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A fine-grained token may write all repositories of an organization."""
    inspection = active(credential)
    if inspection is None:
        return
    wide = (
        power
        for power in powers(inspection)
        if power.permission == "repo.write" and power.entity is not None and power.entity.type == "org"
    )
    for group in grouped(wide):
        message = f"repo.write on {group.where}: writes every repository there{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)
