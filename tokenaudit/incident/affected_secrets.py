"""The kept secrets that an incident touches: as recorded, and as their Spaces tell it today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tokenaudit.ci.names import Names
from tokenaudit.incident.affected import counts, secret_touched
from tokenaudit.incident.changes.settings import Settings
from tokenaudit.incident.model import Kept, State, Touch
from tokenaudit.model import SecretName
from tokenaudit.policy.settings import Incident


def kept(
    recorded: Iterable[SecretName],
    today: Mapping[str, Settings],
    touched: frozenset[str],
    incident: Incident,
    names: Names,
) -> tuple[Kept, ...]:
    """Every place that counts, each once. `today` is what Spaces (`spaces/owner/name`) keep now, where that was told.

    `touched` are the fingerprints of touched credentials.
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
            found.append(_kept(latest, "yes", "it is there no more", "done", asked_now=True))
        elif latest.kind.endswith("-variable") and (latest.fingerprint or (before and before.fingerprint)):
            found.append(_variable(latest, before, touched, asked_now=now is not None))
        else:
            found.append(_secret(latest, before, incident, asked_now=now is not None))
    return tuple(found)


def _variable(latest: SecretName, before: SecretName | None, touched: frozenset[str], *, asked_now: bool) -> Kept:
    """A variable shows what it holds: its value decides, not its age."""
    if latest.fingerprint in touched:
        return _kept(latest, "yes", "it holds a touched credential", "open", asked_now=asked_now)
    why = "it holds another value now"
    held = before.fingerprint if before is not None else None
    return Kept(latest.kind, latest.target, latest.name, "yes", why, "done", latest.updated_at, asked_now, held)


def _secret(latest: SecretName, before: SecretName | None, incident: Incident, *, asked_now: bool) -> Kept:
    touch, why = secret_touched(latest, incident)
    if touch != "no":
        return _kept(latest, touch, why, "open", asked_now=asked_now)
    was_there = before is not None and before.updated_at is not None and before.updated_at < incident.cutoff
    doubt = "" if was_there else "; whether it was there before is not known"
    return _kept(
        latest, "yes" if was_there else "perhaps", f"{why}, after the cut-off{doubt}", "done", asked_now=asked_now
    )


def _kept(secret: SecretName, touch: Touch, why: str, state: State, *, asked_now: bool) -> Kept:
    return Kept(
        secret.kind, secret.target, secret.name, touch, why, state, secret.updated_at, asked_now, secret.fingerprint
    )


def _all(settings: Settings) -> Iterator[SecretName]:
    yield from settings.secrets or ()
    yield from settings.variables or ()


def _was_asked(secret: SecretName, today: Mapping[str, Settings]) -> bool:
    settings = today.get(secret.target)
    if settings is None:
        return False
    answer = settings.secrets if secret.kind == "space-secret" else settings.variables
    return secret.kind in {"space-secret", "space-variable"} and answer is not None
