"""A credential is of a kind that the Hub has given up."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import PolicyContext, active

RULE = Rule(
    id="token-deprecated-kind",
    title="A credential of a kind that no longer exists",
    severity=Severity.LOW,
    why=(
        "Organization tokens and the api_ tokens of 2021 were withdrawn. One that is still kept shows a "
        "place that nobody "
        "looks after; one that still works is known to nobody."
    ),
    remedy="Remove it. Where the organization needs a token of its own, use a service account.",
    bad="An api_org_ token in a deployment script.",
    good="A service account's token in a secret store.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A credential is of a kind that the Hub has given up."""
    answered_as_org = (
        credential.inspection is not None
        and credential.inspection.account is not None
        and credential.inspection.account.type == "org"
    )
    if credential.kind not in ("org_token", "legacy_token") and not answered_as_org:
        return
    live = active(credential) is not None
    fate = "and the Hub still accepts it" if live else "and is most probably dead"
    yield Reason(
        RULE.id,
        Severity.HIGH if live else RULE.severity,
        f"{credential.kind.replace('_', ' ')}: a kind that was withdrawn in 2024 or before, {fate}",
        RULE.remedy,
    )
