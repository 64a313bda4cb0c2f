"""A wide token belongs to an organization's administrator."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active, powers
from tokenaudit.text import listed

RULE = Rule(
    id="token-owner-is-org-admin",
    title="A wide token of an organization's administrator",
    severity=Severity.HIGH,
    why=(
        "A token acts with its owner's role: an administrator's wide token reaches members, settings and "
        "every repository."
    ),
    remedy=(
        "Use a service account, or a member with a lesser role, for automation; keep the administrator's tokens narrow."
    ),
    bad="A classic token of an administrator of acme.",
    good="A fine-grained token of an administrator for one model.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A wide token belongs to an organization's administrator."""
    inspection = active(credential)
    if inspection is None:
        return
    covered = {power.entity.name for power in powers(inspection) if power.entity and power.entity.type == "org"}
    everything = inspection.role in ("read", "write", "god", "unknown") or not inspection.details_known
    admins = [
        org.name
        for org in inspection.orgs
        if org.role == "admin" and not org.restrictions and (everything or org.name in covered)
    ]
    if admins:
        severity = Severity.MEDIUM if inspection.role == "read" else RULE.severity
        yield Reason(
            RULE.id,
            severity,
            f"its owner is an administrator of {listed(admins)}, and the token reaches there",
            RULE.remedy,
        )
