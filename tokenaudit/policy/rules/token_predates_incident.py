"""A token existed when the Hub was broken into."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-predates-incident",
    title="A token older than an incident at the Hub",
    severity=Severity.MEDIUM,
    why="It may have been read by the intruders, and the Hub advised to replace such tokens.",
    remedy="Rotate it and review what the account did since.",
    bad="A token created in 2023, still live.",
    good="A token created after the last incident.",
    references=("https://huggingface.co/blog/space-secrets-disclosure",),
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A token existed when the Hub was broken into."""
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
