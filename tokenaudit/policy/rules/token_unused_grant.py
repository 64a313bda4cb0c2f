"""A token has a permission that the scanned code does not use."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import effect_of, is_known
from tokenaudit.policy.context import PolicyContext, active, effective_permissions, grouped

RULE = Rule(
    id="token-unused-grant",
    title="Unused grant",
    severity=Severity.LOW,
    why="An unused grant only helps someone who steals the token.",
    remedy="Check the evidence, then create a token without the grant. Code that was not scanned can still use it.",
    bad="repo.write on a model that the code only reads.",
    good="Exactly the permissions that the code uses.",
    confidence="medium",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token has a permission that the scanned code does not use."""
    inspection = active(credential)
    recommendation = credential.recommendation
    if inspection is None or recommendation is None or not recommendation.evidence:
        return
    needs = {evidence.need for evidence in recommendation.evidence if evidence.certainty != "not-seen"}
    needs |= {permission for grant in recommendation.grants for permission in grant.permissions}
    if "repo.write" in needs:
        needs.add("repo.content.read")
    unused = (
        granted
        for granted in effective_permissions(inspection)
        if granted.permission not in needs and is_known(granted.permission)
    )
    for group in grouped(unused):
        effect = effect_of(group.permission)
        message = f"{group.permission} on {group.where} ({effect}) is granted, but no scanned code uses it"
        severity = Severity.MEDIUM if group.permission.endswith("write") else Severity.LOW
        yield Reason(RULE.id, severity, message, RULE.remedy)
