"""Writing the inventory: each function runs inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from tokenaudit.inventory.model import Outcome, PlaceRecord, Sweep
from tokenaudit.inventory.tables import (
    CREDENTIALS,
    NOTES,
    PLACES,
    SECRETS,
    SIGHTINGS,
    SWEEPS,
    DamagedError,
    packed,
    storable,
    unpacked,
)
from tokenaudit.model import Credential, Inspection, Location, Problem

ACROSS = "across"
"""The kind of a note about a problem that is computed from several places."""

_CERTAIN_FIRST = ("credential", "placeholder", "identifier")

# Created once: a sweep without new findings writes only this, thousands of times.
_CHECKED = (
    update(PLACES)
    .where(PLACES.c.key == bindparam("place"))
    .values(
        gone_in=None,
        failed_in=None,
        checked_in=bindparam("sweep"),
        checked_at=bindparam("now"),
        state=bindparam("version"),
    )
)


def begin(connection: Connection, scope: str, namespaces: Sequence[str], now: datetime) -> Sweep:
    """Return the unfinished sweep of the same scope, else a new one."""
    running = connection.execute(
        select(SWEEPS).where(SWEEPS.c.scope == scope, SWEEPS.c.finished_at.is_(None)).order_by(SWEEPS.c.id.desc())
    ).first()
    if running is not None:
        return Sweep(running.id, scope, tuple(namespaces), running.started_at or now)
    number = connection.execute(
        insert(SWEEPS).values(scope=scope, namespaces="\n".join(namespaces), started_at=now).returning(SWEEPS.c.id)
    ).scalar_one()
    return Sweep(number, scope, tuple(namespaces), now)


def commit(connection: Connection, sweep: int, outcome: Outcome, now: datetime) -> None:
    """Record everything about one place, replacing earlier data unless the place failed or is unchanged.

    An unchanged place that is not in the inventory is not added, so that the next sweep reads it.
    """
    key = storable(outcome.place.key)
    if outcome.unchanged:
        connection.execute(_CHECKED, {"place": key, "sweep": sweep, "now": now, "version": outcome.state})
        _inspected(connection, sweep, outcome)
        return
    known = connection.execute(select(PLACES.c.read_in).where(PLACES.c.key == key)).first()
    seen: dict[str, Any] = {"gone_in": None, "failed_in": sweep if outcome.failed else None}
    if not outcome.failed:
        seen |= {"checked_in": sweep, "checked_at": now, "state": outcome.state}
        seen |= {"objects": outcome.objects, "bytes": outcome.bytes}
        if not outcome.skipped or known is None or known.read_in is None:
            # A place that was read only in part can't prove that something was removed.
            seen["read_in"] = sweep
    if known is None:
        connection.execute(insert(PLACES).values(**_columns(outcome.place), **seen))
    else:
        connection.execute(update(PLACES).where(PLACES.c.key == key).values(**seen))
    _notes(connection, sweep, key, outcome)
    for credential in outcome.credentials:
        _credential(connection, sweep, credential, now)
        _sightings(connection, sweep, key, credential, now)
    _inspected(connection, sweep, outcome)
    if not outcome.failed:
        _secrets(connection, key, outcome, now)


def _notes(connection: Connection, sweep: int, key: str, outcome: Outcome) -> None:
    mine = NOTES.c.place == key
    if outcome.failed:
        # Recorded data of the place is retained; only the reason why it can't be read now is new.
        mine &= NOTES.c.kind == "skipped"
    mine &= NOTES.c.kind != ACROSS
    known = {row.document: row.first_in for row in connection.execute(select(NOTES).where(mine))}
    connection.execute(delete(NOTES).where(mine))
    notes = [("skipped", packed(skipped)) for skipped in outcome.skipped]
    if not outcome.failed:
        notes += [("problem", packed(problem)) for problem in outcome.problems]
        notes += [("service-account", packed(account)) for account in outcome.service_accounts]
    kinds = {text: kind for kind, text in notes}
    first_in = {text: known[text] for text in kinds if text in known}
    problems = {packed(problem): problem for problem in outcome.problems if packed(problem) in kinds.keys() - known}
    first_in |= _moved(problems, {text: number for text, number in known.items() if text not in kinds})
    rows = [
        {"place": key, "kind": kind, "document": text, "first_in": first_in.get(text, sweep)}
        for kind, text in dict.fromkeys(notes)
    ]
    if rows:
        connection.execute(insert(NOTES), rows)


def _moved(problems: Mapping[str, Problem], gone: Mapping[str, int]) -> dict[str, int]:
    """Return the first sweep of `problems` that only have another line or message than one of the `gone` documents."""
    if not problems or not gone:
        return {}
    earlier: dict[tuple[str | None, ...], list[int]] = {}
    for text, number in gone.items():
        if (problem := _problem(text)) is not None:
            earlier.setdefault(_identity(problem), []).append(number)
    found = {}
    for text, problem in problems.items():
        numbers = earlier.get(_identity(problem))
        if numbers:
            found[text] = numbers.pop()
    return found


def _identity(problem: Problem) -> tuple[str | None, ...]:
    """What a problem keeps while lines move and days pass."""
    return (problem.rule, problem.target, problem.path, problem.where, problem.credential_name)


def across(connection: Connection, sweep: int, problems: Sequence[Problem]) -> list[Problem]:
    """Record problems that are computed from several places; return those that no earlier sweep has found.

    They stay recorded when they are gone: a sweep of another scope can't see them.
    """
    rows = connection.execute(select(NOTES.c.document, NOTES.c.first_in).where(NOTES.c.kind == ACROSS)).all()
    known: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        if (problem := _problem(row.document)) is not None:
            known[_identity(problem)] = row.first_in
    fresh = {_identity(problem): problem for problem in problems if _identity(problem) not in known}
    places = select(PLACES.c.target, func.min(PLACES.c.key)).group_by(PLACES.c.target)
    keys: dict[str, str] = {row[0]: row[1] for row in connection.execute(places)} if fresh else {}
    notes = [
        {"place": keys[storable(problem.target)], "kind": ACROSS, "document": packed(problem), "first_in": sweep}
        for problem in fresh.values()
        if storable(problem.target) in keys
    ]
    if notes:
        connection.execute(insert(NOTES), notes)
    return [problem for problem in problems if known.get(_identity(problem), sweep) == sweep]


def _columns(place: PlaceRecord) -> dict[str, str]:
    return {
        "key": place.key,
        "namespace": place.namespace,
        "target": place.target,
        "kind": place.kind,
        "aspect": place.aspect,
    }


def _credential(connection: Connection, sweep: int, credential: Credential, now: datetime) -> None:
    at = CREDENTIALS.c.fingerprint == credential.fingerprint
    known = connection.execute(select(CREDENTIALS.c.likelihood, CREDENTIALS.c.document).where(at)).first()
    bare = replace(credential, locations=())
    described = {"kind": bare.kind, "display": bare.display, "likelihood": bare.likelihood}
    if known is None:
        connection.execute(
            insert(CREDENTIALS).values(
                fingerprint=bare.fingerprint, document=packed(bare), first_in=sweep, first_seen=now, **described
            )
        )
        return
    older = _readable(known.document)
    if older is None or known.likelihood not in _CERTAIN_FIRST:  # damaged: replaced by the new data
        connection.execute(update(CREDENTIALS).where(at).values(document=packed(bare), **described))
    elif _CERTAIN_FIRST.index(bare.likelihood) < _CERTAIN_FIRST.index(known.likelihood):
        merged = replace(older, kind=bare.kind, likelihood=bare.likelihood, claims=bare.claims or older.claims)
        connection.execute(update(CREDENTIALS).where(at).values(document=packed(merged), **described))


def _sightings(connection: Connection, sweep: int, key: str, credential: Credential, now: datetime) -> None:
    mine = (SIGHTINGS.c.place == key) & (SIGHTINGS.c.fingerprint == credential.fingerprint)
    known = set(connection.execute(select(SIGHTINGS.c.mark).where(mine)).scalars())
    texts = {location_key(location): packed(location) for location in credential.locations}
    seen = {"last_in": sweep, "last_seen": now}
    again = [{"known": name, "text": text} for name, text in texts.items() if name in known]
    if again:
        renewed = update(SIGHTINGS).where(mine, SIGHTINGS.c.mark == bindparam("known"))
        connection.execute(renewed.values(location=bindparam("text"), **seen), again)
    fresh = [
        {
            "place": key,
            "fingerprint": credential.fingerprint,
            "mark": name,
            "location": text,
            "first_in": sweep,
            "first_seen": now,
            **seen,
        }
        for name, text in texts.items()
        if name not in known
    ]
    if fresh:
        connection.execute(insert(SIGHTINGS), fresh)


def location_key(location: Location) -> str:
    """Return the key of a location: independent of whether HEAD contains it or a ref leads to it."""
    lasting = replace(location, in_head=None, reachable=None)
    return hashlib.sha256(packed(lasting).encode()).hexdigest()[:40]


def _inspected(connection: Connection, sweep: int, outcome: Outcome) -> None:
    for fingerprint, inspection in outcome.inspections.items():
        known = _known(connection, fingerprint)
        if known is not None:
            _change(connection, replace(known, inspection=inspection), inspected_in=sweep)


def assessed(connection: Connection, credentials: Iterable[Credential]) -> None:
    """Record verdict, reach and recommendation of known credentials."""
    for credential in credentials:
        _change(connection, replace(credential, locations=()))


def ended(connection: Connection, ends: Mapping[str, Inspection]) -> None:
    """Record known credentials as revoked, by fingerprint, unless there is a later inspection."""
    for fingerprint, end in ends.items():
        known = _known(connection, fingerprint)
        if known is None:
            continue
        last = known.inspection
        if last is None or last.checked_at < end.checked_at:
            updated = replace(last, status=end.status, reason=end.reason, checked_at=end.checked_at) if last else end
            _change(connection, replace(known, inspection=updated))


def _known(connection: Connection, fingerprint: str) -> Credential | None:
    at = CREDENTIALS.c.fingerprint == fingerprint
    held = connection.execute(select(CREDENTIALS.c.document).where(at)).scalar()
    return _readable(held) if held is not None else None


def _readable(document: str) -> Credential | None:
    """Return the credential in a document; None if it is damaged, which is reported when the inventory is read."""
    try:
        return unpacked(document, Credential)
    except DamagedError:
        return None


def _problem(document: str) -> Problem | None:
    """Return the problem in a document; None if it is another kind of note, or damaged, as for `_readable`."""
    try:
        return unpacked(document, Problem)
    except DamagedError:
        return None


def _change(connection: Connection, bare: Credential, **columns: int) -> None:
    at = CREDENTIALS.c.fingerprint == bare.fingerprint
    connection.execute(update(CREDENTIALS).where(at).values(document=packed(bare), **columns))


def _secrets(connection: Connection, key: str, outcome: Outcome, now: datetime) -> None:
    rows = connection.execute(select(SECRETS).where(SECRETS.c.place == key)).all()
    since = {(row.kind, row.target, row.name): row.first_seen for row in rows}
    connection.execute(delete(SECRETS).where(SECRETS.c.place == key))
    kept = {(storable(s.kind), storable(s.target), storable(s.name)): s for s in outcome.secrets}
    fresh = [
        {
            "place": key,
            "kind": kind,
            "target": target,
            "name": name,
            "updated_at": secret.updated_at,
            "description": secret.description,
            "fingerprint": secret.fingerprint,
            "first_seen": since.get((kind, target, name)) or now,
        }
        for (kind, target, name), secret in kept.items()
    ]
    if fresh:
        connection.execute(insert(SECRETS), fresh)


def end(connection: Connection, sweep: int, now: datetime, *, complete: bool, removed: Iterable[str]) -> None:
    """Finish the sweep and mark places that no longer exist."""
    for key in removed:
        connection.execute(update(PLACES).where(PLACES.c.key == storable(key)).values(gone_in=sweep, state=None))
    connection.execute(update(SWEEPS).where(SWEEPS.c.id == sweep).values(finished_at=now, complete=complete))


def forget(connection: Connection, fingerprints: Sequence[str], namespace: str | None) -> int:
    """Delete credentials by fingerprint, and everything about a namespace, with the credentials found only there.

    The state of places that contained a deleted credential is cleared, so it is found again if it still exists.
    """
    if namespace is not None:
        connection.execute(delete(PLACES).where(PLACES.c.namespace == storable(namespace)))
    if fingerprints:
        held = select(SIGHTINGS.c.place).where(SIGHTINGS.c.fingerprint.in_(fingerprints))
        connection.execute(update(PLACES).where(PLACES.c.key.in_(held)).values(state=None))
    unseen = CREDENTIALS.c.fingerprint.not_in(select(SIGHTINGS.c.fingerprint))
    chosen = CREDENTIALS.c.fingerprint.in_(fingerprints)
    went = delete(CREDENTIALS).where(or_(chosen, unseen) if namespace is not None else chosen)
    return connection.execute(went).rowcount
