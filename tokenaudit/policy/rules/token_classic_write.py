"""A classic write token can write everything that its owner can write."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.inspect.effective import org_access
from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active
from tokenaudit.text import listed

RULE = Rule(
    id="token-classic-write",
    title="Classic write token",
    severity=Severity.CRITICAL,
    why=(
        "A classic write token can change and delete every repository of its owner and of every organization in "
        "which the owner can write."
    ),
    remedy="Replace it with a fine-grained token for the repositories that need it, or with a Trusted Publisher in CI.",
    bad="A token with role write.",
    good="A fine-grained token with repo.write on one repository.",
    references=("https://huggingface.co/docs/hub/security-tokens",),
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A classic write token can write everything that its owner can write."""
    inspection = active(credential)
    if inspection is None or inspection.role != "write" or "write" in context.settings.allowed_roles:
        return
    orgs = [org.name for org in inspection.orgs if org_access(org)[0] in ("full", "own-only", "unknown")]
    reach = f" and of {listed(orgs)}" if orgs else ""
    owner = inspection.account.name if inspection.account is not None else "its owner"
    yield Reason(
        RULE.id, RULE.severity, f"role write: can change and delete every repository of {owner}{reach}", RULE.remedy
    )
