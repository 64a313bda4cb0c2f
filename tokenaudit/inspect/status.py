"""From a missing answer to a status. Only the Hub's own words about this credential prove that it is dead."""

from __future__ import annotations

from datetime import datetime

from tokenaudit.hub.result import Failure
from tokenaudit.model import Inspection, Status

ASKABLE = frozenset({"user_token", "org_token", "oauth_token", "oidc_token", "app_token", "legacy_token", "s3_token"})
"""Kinds that are sent to whoami. Anything else, a client secret or another vendor's key, is sent nowhere."""

_WHOAMI_MAY_NOT_KNOW = frozenset({"oidc_token", "s3_token"})
"""Kinds that whoami perhaps never accepts, so that its refusal proves nothing."""

_DEAD = "invalid credentials in authorization header"
_NEVER_ARRIVED = "invalid username or password"
_UNAUTHORIZED = 401


def unanswered(failure: Failure, kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """What a credential of `kind` is known to be after `failure`."""
    status, reason = _judge(failure, kind)
    return Inspection(status, now, reason, details_known=False, endpoint=endpoint)


def not_asked(kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """The entry for a kind that whoami can't be asked about."""
    reason = f"whoami says nothing about the kind {kind}, so it was not sent anywhere"
    return Inspection("unknown", now, reason, details_known=False, endpoint=endpoint)


def _judge(failure: Failure, kind: str) -> tuple[Status, str]:
    words = failure.message.casefold().strip().rstrip(".")
    if failure.trouble == "refused" and failure.status == _UNAUTHORIZED:
        if kind in _WHOAMI_MAY_NOT_KNOW:
            return "unknown", f"the Hub refuses it, but whoami may not know the kind {kind} at all"
        if words == _DEAD:
            return "invalid", "the Hub does not know it: deleted, revoked, of another Hub, or never issued"
        if words == _NEVER_ARRIVED:
            return "unknown", "the Hub did not receive the credential; something on the way may have removed it"
        if "expired" in words and "token" in words:
            return "expired", "the Hub says it is expired"
        return "unknown", f"refused with 401, but not in the Hub's words for a dead credential: {failure.message}"
    tries = f" after {failure.attempts} tries" if failure.attempts > 1 else ""
    shown = f" (HTTP {failure.status})" if failure.status is not None else ""
    what = "the Hub refuses to say who it is" if failure.trouble == "refused" else f"no answer{tries}"
    return "unknown", f"{what}{shown}: {failure.message}"
