"""A token was created before an incident."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-predates-incident",
    title="Token created before an incident",
    severity=Severity.MEDIUM,
    why="The intruders could have read the token. The Hub advised replacing such tokens.",
    remedy="Rotate it and review the account's activity since the incident.",
    bad="An active token created in 2023.",
    good="A token created after the last incident.",
    references=("https://huggingface.co/blog/space-secrets-disclosure",),
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token was created before an incident."""
    inspection = active(credential)
    if inspection is None or inspection.created_at is None:
        return
    for incident in context.incidents:
        if inspection.created_at < incident.cutoff:
            message = (
                f"created {day(inspection.created_at)}, before the incident {incident.id} "
                f"({incident.title}, {day(incident.cutoff)})"
            )
            yield Reason(RULE.id, RULE.severity, message, f"{incident.advice[:1].upper()}{incident.advice[1:]}.")
