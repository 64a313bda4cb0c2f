"""A token holds more than the code that uses it was seen to need."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import Context, active, powers
from tokenaudit.policy.permissions import in_words

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


def check(credential: Credential, context: Context) -> Iterator[Reason]:
    """A token holds more than the code that uses it was seen to need."""
    inspection = active(credential)
    recommendation = credential.recommendation
    if inspection is None or recommendation is None or not recommendation.evidence:
        return
    needs = {evidence.need for evidence in recommendation.evidence if evidence.certainty != "not-seen"}
    needs |= {permission for grant in recommendation.grants for permission in grant.permissions}
    for power in powers(inspection):
        implied = power.permission == "repo.content.read" and "repo.write" in needs
        if power.permission in needs or implied:
            continue
        writes = power.permission.endswith("write")
        yield Reason(
            RULE.id,
            Severity.MEDIUM if writes else Severity.LOW,
            f"{power.permission} on {power.where} (to {in_words(power.permission)}) is granted, but no use of it "
            f"was seen",
            RULE.remedy,
        )
