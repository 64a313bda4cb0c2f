"""A fine-grained token can write all repositories of an organization."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active, effective_permissions, grouped

RULE = Rule(
    id="token-org-wide-write",
    title="Write access to all repositories of an organization",
    severity=Severity.CRITICAL,
    why="repo.write on an organization covers every current and future repository that the owner can write there.",
    remedy="Grant repo.write on individual repositories or on a resource group only.",
    bad="repo.write on org acme.",
    good="repo.write on model acme/demo.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A fine-grained token can write all repositories of an organization."""
    inspection = active(credential)
    if inspection is None:
        return
    wide = (
        granted
        for granted in effective_permissions(inspection)
        if granted.permission == "repo.write" and granted.entity is not None and granted.entity.type == "org"
    )
    for group in grouped(wide):
        message = f"repo.write on {group.where}: can write every repository there{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)
