"""A fine-grained token can write all repositories of a user."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import EffectivePermission, PolicyContext, active, effective_permissions, grouped

RULE = Rule(
    id="token-namespace-wide-write",
    title="Write access to all repositories of a user",
    severity=Severity.CRITICAL,
    why=(
        "repo.write on a user covers every current and future repository of that user, including settings and secrets."
    ),
    remedy="Grant repo.write on individual repositories only.",
    bad="repo.write on user alice.",
    good="repo.write on model alice/demo.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A fine-grained token can write all repositories of a user."""
    inspection = active(credential)
    if inspection is None:
        return
    for group in grouped(granted for granted in effective_permissions(inspection) if _writes_all_of_a_user(granted)):
        message = f"{group.permission} on {group.where}: can write every repository there{group.note}"
        yield Reason(RULE.id, group.severity, message, RULE.remedy)


def _writes_all_of_a_user(granted: EffectivePermission) -> bool:
    if granted.entity is None:
        return granted.permission in ("write-repos", "manage-repos")
    return granted.permission == "repo.write" and granted.entity.type == "user"
