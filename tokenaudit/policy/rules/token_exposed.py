"""A credential stands where others can read it, and nobody knows that it lives."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.model import Credential, Reason, Rule, Severity
from tokenaudit.policy.context import UNCOMMITTED, PolicyContext, active, exposed, seen, uncommitted
from tokenaudit.timestamps import day

RULE = Rule(
    id="token-exposed",
    title="A credential stands where others can read it",
    severity=Severity.HIGH,
    why="Whoever reads the place holds the credential. Until the Hub says otherwise it must be taken for a live one; a "
    "dead one still shows a habit that will leak the next.",
    remedy="Revoke it, put a narrower one in a secret store, and clean the place.",
    bad="A token in a committed file.",
    good="The file reads the environment variable HF_TOKEN, which a secret store fills.",
)


def check(credential: Credential, context: PolicyContext) -> Iterator[Reason]:
    """A credential stands where others can read it, and nobody knows that it lives."""
    if not exposed(credential) or active(credential) is not None:
        return
    inspection = credential.inspection
    claims = credential.claims
    if inspection is not None and inspection.dead:
        yield Reason(
            RULE.id,
            Severity.LOW,
            f"{seen(credential)}; dead by now ({inspection.reason}), nobody can use it any more{_leaked(credential)}",
            "Find out what was done with it while it lived; clean the place when convenient.",
        )
    elif (
        inspection is None and claims is not None and claims.expires_at is not None and claims.expires_at <= context.now
    ):
        yield Reason(
            RULE.id,
            Severity.LOW,
            f"{seen(credential)}; expired at {day(claims.expires_at)} by its own claims{_leaked(credential)}",
            "Find out what was done with it while it lived.",
        )
    else:
        doubt = "the Hub was not asked" if inspection is None else f"the Hub gave no verdict: {inspection.reason}"
        message = f"{seen(credential)}; whether it still works is not known ({doubt})"
        remedy = UNCOMMITTED if uncommitted(credential) else RULE.remedy
        yield Reason(RULE.id, Severity.HIGH, message, remedy)


def _leaked(credential: Credential) -> str:
    return "" if uncommitted(credential) else ", but it did leak"
