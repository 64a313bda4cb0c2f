"""What is known of a credential today: the answer of this run, or the last one that still means something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tokenaudit.model import Credential, Inspection


@dataclass(frozen=True)
class Standing:
    """A credential's status with everything the Hub ever told of it.

    `details` is the last answer that named the account or its rights; `told` is whether the Hub, or the credential's
    own expiry, ever said anything at all.
    """

    inspection: Inspection
    details: Inspection | None
    asked_now: bool
    told: bool

    @property
    def dead(self) -> bool:
        """Whether it is known to be of no use to anyone any more."""
        return self.inspection.dead


def standing(
    credential: Credential, earlier: Sequence[Inspection], fresh: Inspection | None, *, endpoint: str, now: datetime
) -> Standing:
    """The present standing; a credential that once was dead at this Hub stays so, since nothing revives one."""
    said = sorted(earlier, key=lambda one: one.checked_at)
    details = next((one for one in reversed([*said, *([fresh] if fresh else [])]) if _tells(one)), None)
    if fresh is not None and fresh.status != "unknown":
        return Standing(_with(details, fresh), details, asked_now=True, told=True)
    died = _death(credential, said, endpoint, now)
    if died is not None:
        return Standing(_with(details, died), details, asked_now=False, told=True)
    return _unsettled(said[-1] if said else None, details, fresh, now)


def _death(credential: Credential, said: Sequence[Inspection], endpoint: str, now: datetime) -> Inspection | None:
    """The word on its end: what this Hub said once, or its own expiry."""
    expiry = credential.claims.expires_at if credential.claims is not None else None
    if expiry is not None and expiry <= now:
        return Inspection("expired", now, f"its own claims say that it expired at {expiry:%Y-%m-%d %H:%M} UTC")
    return next((one for one in said if one.dead and one.endpoint in (None, endpoint)), None)


def _unsettled(
    last: Inspection | None, details: Inspection | None, fresh: Inspection | None, now: datetime
) -> Standing:
    """The standing of a credential that is not known to be dead and has no answer of this run."""
    if fresh is not None:
        before = f"; on {last.checked_at:%Y-%m-%d} it was {last.status}" if last is not None else ""
        asked = replace(fresh, reason=f"{fresh.reason}{before}")
        return Standing(_with(details, asked), details, asked_now=True, told=True)
    if last is None:
        return Standing(Inspection("unknown", now, "the Hub was never asked"), None, asked_now=False, told=False)
    if last.dead:
        reason = f"{last.status} at {last.endpoint}, which is another Hub than the one asked now"
        last = replace(last, status="unknown", reason=reason)
    return Standing(_with(details, last), details, asked_now=False, told=True)


def _tells(inspection: Inspection) -> bool:
    return inspection.account is not None or inspection.created_at is not None


def _with(details: Inspection | None, latest: Inspection) -> Inspection:
    """The details, under the latest word on whether it lives."""
    if details is None or _tells(latest):
        return latest
    return replace(
        details,
        status=latest.status,
        reason=latest.reason,
        checked_at=latest.checked_at,
        expires_at=latest.expires_at or details.expires_at,
        endpoint=latest.endpoint,
    )
