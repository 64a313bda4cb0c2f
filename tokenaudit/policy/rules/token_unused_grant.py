"""A token holds more than the code that uses it was seen to need."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.permissions import effect_of, is_known
from tokenaudit.policy.context import PolicyContext, active, grouped, powers

RULE = Rule(
    id="token-unused-grant",
    title="A grant that nothing was seen to need",
    severity=Severity.LOW,
    why="What is granted and never used helps only whoever steals the token.",
    remedy="Look at the evidence; make a token without the grant. What was not seen may still be used elsewhere.",
    bad="repo.write on a model that the code only reads.",
    good="Exactly the permissions that the code was seen to need.",
    confidence="medium",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token holds more than the code that uses it was seen to need."""
    inspection = active(credential)
    recommendation = credential.recommendation
    if inspection is None or recommendation is None or not recommendation.evidence:
        return
    needs = {evidence.need for evidence in recommendation.evidence if evidence.certainty != "not-seen"}
    needs |= {permission for grant in recommendation.grants for permission in grant.permissions}
    if "repo.write" in needs:
        needs.add("repo.content.read")
    unused = (power for power in powers(inspection) if power.permission not in needs and is_known(power.permission))
    for group in grouped(unused):
        words = effect_of(group.permission)
        message = f"{group.permission} on {group.where} (to {words}) is granted, but no use of it was seen"
        severity = Severity.MEDIUM if group.permission.endswith("write") else Severity.LOW
        yield Reason(RULE.id, severity, message, RULE.remedy)
