"""A credential is of a kind that the Hub no longer issues."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-deprecated-kind",
    title="Withdrawn credential kind",
    severity=Severity.LOW,
    why=(
        "The Hub withdrew organization tokens and the api_ tokens of 2021. A stored one indicates an unmaintained "
        "location; an active one is missing from every token list."
    ),
    remedy="Remove it. If the organization needs its own token, use a service account.",
    bad="An api_org_ token in a deployment script.",
    good="A service account's token in a secret store.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A credential is of a kind that the Hub no longer issues."""
    answered_as_org = (
        credential.inspection is not None
        and credential.inspection.account is not None
        and credential.inspection.account.type == "org"
    )
    if credential.kind not in ("org_token", "legacy_token") and not answered_as_org:
        return
    live = active(credential) is not None
    state = "the Hub still accepts it" if live else "probably no longer accepted"
    yield Reason(
        RULE.id,
        Severity.HIGH if live else RULE.severity,
        f"{credential.kind.replace('_', ' ')}: withdrawn in 2024 or earlier; {state}",
        RULE.remedy,
    )
