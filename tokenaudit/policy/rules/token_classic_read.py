"""A classic read token can read everything that its owner can read."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.inspect.effective import org_access
from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.text import listed

RULE = Rule(
    id="token-classic-read",
    title="Classic read token",
    severity=Severity.HIGH,
    why=(
        "A classic read token can read every private repository of its owner and of the owner's organizations, "
        "not only the one it was created for."
    ),
    remedy=(
        "Replace it with a fine-grained token that has repo.content.read on the repositories that need it. Public "
        "repositories need no token."
    ),
    bad="A token with role read.",
    good="A fine-grained token with repo.content.read on one model.",
    references=("https://huggingface.co/docs/hub/security-tokens",),
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A classic read token can read everything that its owner can read."""
    inspection = active(credential)
    if inspection is None or inspection.role != "read" or "read" in context.settings.allowed_roles:
        return
    orgs = [org.name for org in inspection.orgs if org_access(org)[0] != "none"]
    reach = f" and of {listed(orgs)}" if orgs else ""
    owner = inspection.account.name if inspection.account is not None else "its owner"
    yield Reason(RULE.id, RULE.severity, f"role read: can read every private repository of {owner}{reach}", RULE.remedy)
