"""A credential is exposed, and the Hub has not confirmed that it is active."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import UNCOMMITTED, PolicyContext, active, exposed, seen, uncommitted
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-exposed",
    title="Credential exposed",
    severity=Severity.HIGH,
    why=(
        "Everyone who can read the location has the credential. Treat it as active until the Hub rejects it. Even an "
        "invalid one indicates a workflow that will leak the next token."
    ),
    remedy="Revoke it, store a narrower token in a secret store, and remove the value from the location.",
    bad="A token in a committed file.",
    good="The file reads HF_TOKEN from the environment, set by a secret store.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A credential is exposed, and the Hub has not confirmed that it is active."""
    if not exposed(credential) or active(credential) is not None:
        return
    inspection = credential.inspection
    claims = credential.claims
    if inspection is not None and inspection.dead:
        yield Reason(
            RULE.id,
            Severity.LOW,
            f"{seen(credential)}; no longer valid ({inspection.reason}){_leaked(credential)}",
            "Review what was done with it while it was valid. Remove the value from the location.",
        )
    elif (
        inspection is None and claims is not None and claims.expires_at is not None and claims.expires_at <= context.now
    ):
        yield Reason(
            RULE.id,
            Severity.LOW,
            f"{seen(credential)}; expired on {day(claims.expires_at)} according to its claims{_leaked(credential)}",
            "Review what was done with it while it was valid.",
        )
    else:
        doubt = "not inspected" if inspection is None else inspection.reason
        message = f"{seen(credential)}; status unknown ({doubt})"
        remedy = UNCOMMITTED if uncommitted(credential) else RULE.remedy
        yield Reason(RULE.id, Severity.HIGH, message, remedy)


def _leaked(credential: Credential) -> str:
    return "" if uncommitted(credential) else ", but the value was exposed"
