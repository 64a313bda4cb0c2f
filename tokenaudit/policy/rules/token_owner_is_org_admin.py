"""A broad token belongs to an administrator of an organization."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active, effective_permissions
from tokenaudit.text import listed

RULE = Rule(
    id="token-owner-is-org-admin",
    title="Broad token of an organization administrator",
    severity=Severity.HIGH,
    why=(
        "A token acts with the role of its owner. A broad token of an administrator can access members, settings and "
        "every repository."
    ),
    remedy=(
        "For automation, use a service account or a member with a lower role. Use only narrow tokens as an "
        "administrator."
    ),
    bad="A classic token of an administrator of acme.",
    good="A fine-grained token of an administrator for one model.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A broad token belongs to an administrator of an organization."""
    inspection = active(credential)
    if inspection is None:
        return
    covered = {
        granted.entity.name
        for granted in effective_permissions(inspection)
        if granted.entity and granted.entity.type == "org"
    }
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
            f"the owner is an administrator of {listed(admins)}, and the token has access there",
            RULE.remedy,
        )
