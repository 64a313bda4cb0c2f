"""Which credentials and kept secrets an incident touches, and what that is known by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tokenaudit.ci.model import Names
from tokenaudit.incident.changes.namespaces import SpaceSettings
from tokenaudit.incident.model import ItemState, MatchReason, StoredSecret
from tokenaudit.model import Credential, Inspection, SecretName
from tokenaudit.policy.settings import Incident
from tokenaudit.timestamps import day, minute

_VARIABLES = frozenset({"space-variable", "github-variable", "gitlab-variable"})
_AGES: dict[str, tuple[str, MatchReason | Literal["no"]]] = {
    "endpoint-secret": ("the endpoint was changed", "perhaps"),
    "job-secret": ("the schedule was created", "no"),
    "job-token": ("the schedule was created", "no"),
}
"""Meaning of the recorded time of a kind that is not the time of the value, and what follows if it is later than the
incident: a schedule gets its values on creation, an endpoint can be changed without them.
"""


def created(inspections: Iterable[Inspection]) -> datetime | None:
    """When a credential was created, according to any response of the Hub."""
    return next((earlier.created_at for earlier in inspections if earlier.created_at is not None), None)


def credential_touched(
    credential: Credential, earlier: Iterable[Inspection], first_seen: datetime | None, incident: Incident
) -> tuple[MatchReason | Literal["no"], str]:
    """Whether it is older than the cut-off, and why. Only a time of creation can say no."""
    cutoff = incident.cutoff
    made = created(earlier)
    if made is not None:
        return ("yes" if made < cutoff else "no"), f"created {day(made)}"
    claims = credential.claims
    if claims is not None and claims.issued_at is not None:
        issued = claims.issued_at
        return ("yes" if issued < cutoff else "no"), f"issued {day(issued)} according to its claims"
    if first_seen is not None and first_seen < cutoff:
        return "yes", f"found by a sweep on {day(first_seen)}"
    dated = [(location.date, location) for location in credential.locations if location.date is not None]
    if dated:
        date, location = min(dated, key=lambda pair: pair[0])
        if date < cutoff:
            what = f"commit {location.commit[:12]}" if location.commit else location.source
            return "yes", f"found in {what} of {day(date)}"
    return "perhaps", "creation date unknown"


def counts(secret: SecretName, touched: Iterable[str], names: Names) -> bool:
    """Whether a stored name is a place that the incident can affect.

    Every secret of a Space is one, for any purpose: the Hub stored its value. Elsewhere only names of Hugging Face
    credentials count, and variables with the value of an affected one. One-off Jobs store nothing.
    """
    if secret.kind == "space-secret":
        return True
    if secret.target.startswith("jobs/"):
        return False
    if secret.kind in _VARIABLES and (secret.fingerprint is not None or secret.kind == "space-variable"):
        return secret.fingerprint is not None and secret.fingerprint in touched
    return secret.kind == "job-token" or names.match(secret.name)


def secret_touched(secret: SecretName, incident: Incident) -> tuple[MatchReason | Literal["no"], str]:
    """Whether what is kept was last set before the cut-off, and why. `no` means that it was set since."""
    updated = secret.updated_at
    if updated is None:
        return "perhaps", "date of last change unknown"
    what, since = _AGES.get(secret.kind, ("last set", "no"))
    if updated < incident.cutoff:
        return "yes", f"{what} {day(updated)}"
    doubt = ", age of the value unknown" if since == "perhaps" else ""
    return since, f"{what} {day(updated)}{doubt}"


def spaces_of(secrets: Iterable[SecretName]) -> Iterator[str]:
    """The Spaces, as `owner/name`, that keep something."""
    for secret in secrets:
        if secret.target.startswith("spaces/"):
            yield secret.target.removeprefix("spaces/")


@dataclass(frozen=True)
class CurrentStatus:
    """A credential's status with everything the Hub returned about it.

    `details` is the latest response that named the account or its permissions; `has_status` is whether the Hub, or the
    credential's own expiry, ever gave a status.
    """

    inspection: Inspection
    details: Inspection | None
    asked_now: bool
    has_status: bool

    @property
    def dead(self) -> bool:
        """Whether it is known to be of no use to anyone any more."""
        return self.inspection.dead


def current_status(
    credential: Credential, earlier: Sequence[Inspection], fresh: Inspection | None, *, endpoint: str, now: datetime
) -> CurrentStatus:
    """The present standing; a credential that once was dead at this Hub stays so, since nothing revives one."""
    earlier = sorted(earlier, key=lambda one: one.checked_at)
    details = next((one for one in reversed([*earlier, *([fresh] if fresh else [])]) if _tells(one)), None)
    if fresh is not None and fresh.status != "unknown":
        return CurrentStatus(_with(details, fresh), details, asked_now=True, has_status=True)
    invalid = _invalid_inspection(credential, earlier, endpoint, now)
    if invalid is not None:
        return CurrentStatus(_with(details, invalid), details, asked_now=False, has_status=True)
    return _unsettled(earlier[-1] if earlier else None, details, fresh, now)


def _invalid_inspection(
    credential: Credential, earlier: Sequence[Inspection], endpoint: str, now: datetime
) -> Inspection | None:
    """The final status: an earlier response of this Hub, or the credential's own expiry."""
    expiry = credential.claims.expires_at if credential.claims is not None else None
    if expiry is not None and expiry <= now:
        return Inspection("expired", now, f"expired at {minute(expiry)} UTC according to its claims")
    return next((one for one in earlier if one.dead and one.endpoint in (None, endpoint)), None)


def _unsettled(
    last: Inspection | None, details: Inspection | None, fresh: Inspection | None, now: datetime
) -> CurrentStatus:
    """The standing of a credential that is not known to be dead and has no answer of this run."""
    if fresh is not None:
        before = f"; on {day(last.checked_at)} it was {last.status}" if last is not None else ""
        asked = replace(fresh, reason=f"{fresh.reason}{before}")
        return CurrentStatus(_with(details, asked), details, asked_now=True, has_status=True)
    if last is None:
        return CurrentStatus(Inspection("unknown", now, "never inspected"), None, asked_now=False, has_status=False)
    if last.dead:
        reason = f"{last.status} at {last.endpoint}, a different Hub"
        last = replace(last, status="unknown", reason=reason)
    return CurrentStatus(_with(details, last), details, asked_now=False, has_status=True)


def _tells(inspection: Inspection) -> bool:
    return inspection.account is not None or inspection.created_at is not None


def _with(details: Inspection | None, latest: Inspection) -> Inspection:
    """The details, with the latest status."""
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


def affected_secrets(
    recorded: Iterable[SecretName],
    today: Mapping[str, SpaceSettings],
    touched: frozenset[str],
    incident: Incident,
    names: Names,
) -> tuple[StoredSecret, ...]:
    """Every relevant place, once. `today` is what Spaces (`spaces/owner/name`) store now, if known.

    `touched` are the fingerprints of affected credentials.
    """
    known = {(one.kind, one.target, one.name): one for one in recorded}
    current = {(one.kind, one.target, one.name): one for settings in today.values() for one in _all(settings)}
    found = []
    for key in sorted({*known, *current}):
        before, now = known.get(key), current.get(key)
        latest = now or before
        if latest is None or not any(counts(one, touched, names) for one in (before, now) if one is not None):
            continue
        if now is None and _was_asked(latest, today):
            found.append(_stored_secret(latest, "yes", "no longer exists", "done", asked_now=True))
        elif latest.kind.endswith("-variable") and (latest.fingerprint or (before and before.fingerprint)):
            found.append(_variable(latest, before, touched, asked_now=now is not None))
        else:
            found.append(_secret(latest, before, incident, asked_now=now is not None))
    return tuple(found)


def _variable(
    latest: SecretName, before: SecretName | None, touched: frozenset[str], *, asked_now: bool
) -> StoredSecret:
    """The value of a variable is visible: it decides, not its age."""
    if latest.fingerprint in touched:
        return _stored_secret(latest, "yes", "has an affected credential", "open", asked_now=asked_now)
    why = "has another value now"
    held = before.fingerprint if before is not None else None
    return StoredSecret(latest.kind, latest.target, latest.name, "yes", why, "done", latest.updated_at, asked_now, held)


def _secret(latest: SecretName, before: SecretName | None, incident: Incident, *, asked_now: bool) -> StoredSecret:
    touch, why = secret_touched(latest, incident)
    if touch != "no":
        return _stored_secret(latest, touch, why, "open", asked_now=asked_now)
    was_there = before is not None and before.updated_at is not None and before.updated_at < incident.cutoff
    doubt = "" if was_there else "; earlier state unknown"
    return _stored_secret(
        latest, "yes" if was_there else "perhaps", f"{why}, after the cut-off{doubt}", "done", asked_now=asked_now
    )


def _stored_secret(
    secret: SecretName, touch: MatchReason, why: str, state: ItemState, *, asked_now: bool
) -> StoredSecret:
    return StoredSecret(
        secret.kind, secret.target, secret.name, touch, why, state, secret.updated_at, asked_now, secret.fingerprint
    )


def _all(settings: SpaceSettings) -> Iterator[SecretName]:
    yield from settings.secrets or ()
    yield from settings.variables or ()


def _was_asked(secret: SecretName, today: Mapping[str, SpaceSettings]) -> bool:
    settings = today.get(secret.target)
    if settings is None:
        return False
    answer = settings.secrets if secret.kind == "space-secret" else settings.variables
    return secret.kind in {"space-secret", "space-variable"} and answer is not None
