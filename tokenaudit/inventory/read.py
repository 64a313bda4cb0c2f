"""Reading the inventory: each function works inside the caller's transaction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from tokenaudit.errors import UsageError
from tokenaudit.inventory.model import ChangeType, Consumer, Difference, KnownCredential, PlaceRecord, Sweep
from tokenaudit.inventory.tables import (
    CREDENTIALS,
    NOTES,
    PLACES,
    SECRETS,
    SIGHTINGS,
    SWEEPS,
    storable,
    unpacked,
)
from tokenaudit.model import Credential, Inspection, Location, Problem, SecretName, Skipped, Target

_PRESENT: ColumnElement[bool] = and_(PLACES.c.gone_in.is_(None), SIGHTINGS.c.last_in >= PLACES.c.read_in)


@dataclass(frozen=True)
class SweepRecord:
    """Everything one sweep saw or found unchanged. Of places that failed it is what was known before."""

    credentials: tuple[Credential, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]
    targets: tuple[Target, ...]
    secrets: tuple[SecretName, ...]
    new_credentials: tuple[str, ...]
    new_problems: tuple[Problem, ...]


def done(connection: Connection, sweep: int) -> set[str]:
    """Keys of the places that the sweep has read or found unchanged."""
    return set(connection.execute(select(PLACES.c.key).where(PLACES.c.checked_in == sweep)).scalars())


def states(connection: Connection) -> dict[str, str]:
    """By place key: the version that was read last."""
    rows = connection.execute(select(PLACES.c.key, PLACES.c.state).where(PLACES.c.state.is_not(None)))
    return {row.key: row.state for row in rows}


def fingerprints(connection: Connection) -> dict[str, set[str]]:
    """By place key: the credentials (placeholders and look-alikes left out) that stand there."""
    joined = SIGHTINGS.join(PLACES, SIGHTINGS.c.place == PLACES.c.key)
    joined = joined.join(CREDENTIALS, SIGHTINGS.c.fingerprint == CREDENTIALS.c.fingerprint)
    chosen = select(SIGHTINGS.c.place, SIGHTINGS.c.fingerprint).distinct().select_from(joined)
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(chosen.where(_PRESENT, CREDENTIALS.c.likelihood == "credential")):
        found[row.place].add(row.fingerprint)
    return dict(found)


def places(connection: Connection, namespaces: Sequence[str]) -> list[PlaceRecord]:
    """The known places of some namespaces that are not gone."""
    mine = PLACES.c.namespace.in_([storable(name) for name in namespaces])
    rows = connection.execute(select(PLACES).where(mine, PLACES.c.gone_in.is_(None)).order_by(PLACES.c.key))
    return [PlaceRecord(row.namespace, row.target, row.kind, row.aspect) for row in rows]


def inspections(connection: Connection, sweep: int) -> dict[str, Inspection]:
    """By fingerprint: what the Hub said during the sweep."""
    rows = connection.execute(select(CREDENTIALS.c.document).where(CREDENTIALS.c.inspected_in == sweep)).scalars()
    found = [unpacked(document, Credential) for document in rows]
    return {credential.fingerprint: credential.inspection for credential in found if credential.inspection}


def sweeps(connection: Connection) -> list[Sweep]:
    """All sweeps, oldest first."""
    read = select(PLACES.c.checked_in, func.count()).group_by(PLACES.c.checked_in)
    failed = select(PLACES.c.failed_in, func.count()).group_by(PLACES.c.failed_in)
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(read)}
    failures: dict[int, int] = {row[0]: row[1] for row in connection.execute(failed)}
    return [
        Sweep(
            row.id,
            row.scope,
            tuple(row.namespaces.split("\n")),
            row.started_at,
            row.finished_at,
            row.complete,
            counts.get(row.id, 0),
            failures.get(row.id, 0),
        )
        for row in connection.execute(select(SWEEPS).order_by(SWEEPS.c.id))
    ]


def credentials(connection: Connection) -> list[KnownCredential]:
    """All credentials, ordered by fingerprint."""
    spots: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_sightings()):
        spots[row.fingerprint].append(row)
    rows = connection.execute(select(CREDENTIALS).order_by(CREDENTIALS.c.fingerprint)).all()
    return [_known(row, spots[row.fingerprint]) for row in rows]


def _sightings() -> Any:  # noqa: ANN401 - a select of that many columns has no type worth its length
    joined = SIGHTINGS.join(PLACES, SIGHTINGS.c.place == PLACES.c.key)
    return select(
        SIGHTINGS, PLACES.c.checked_at, PLACES.c.read_in, PLACES.c.gone_in, _PRESENT.label("present")
    ).select_from(joined)


def _known(row: Row[Any], spots: Sequence[Row[Any]]) -> KnownCredential:
    present = [spot for spot in spots if spot.present]
    shown = [unpacked(spot.location, Location) for spot in present or spots]
    times: list[datetime] = [(spot.checked_at or spot.last_seen) if spot.present else spot.last_seen for spot in spots]
    credential = replace(unpacked(row.document, Credential), locations=ordered(shown))
    return KnownCredential(credential, row.first_seen, max(times, default=row.first_seen), bool(present))


def ordered(locations: Iterable[Location]) -> tuple[Location, ...]:
    """Locations without repeats, in an order that no run changes."""
    return tuple(sorted(set(locations), key=_order))


def _order(location: Location) -> tuple[object, ...]:
    return (
        location.target,
        location.path or "",
        location.line or 0,
        location.column or 0,
        location.source,
        location.commit or "",
        location.member or "",
        location.object or "",
        location.via,
    )


def secrets(connection: Connection) -> list[SecretName]:
    """All secrets and variables by name, those of places that are gone left out."""
    joined = SECRETS.join(PLACES, SECRETS.c.place == PLACES.c.key)
    chosen = select(SECRETS).select_from(joined).where(PLACES.c.gone_in.is_(None))
    return _secret_names(connection.execute(chosen))


def _secret_names(rows: Iterable[Row[Any]]) -> list[SecretName]:
    found = [
        SecretName(row.target, row.name, row.kind, row.updated_at, row.description, row.fingerprint) for row in rows
    ]
    return sorted(set(found), key=lambda s: (s.target, s.name, s.kind, s.fingerprint or ""))


def consumers(connection: Connection, fingerprint: str | None, names: Sequence[str]) -> list[Consumer]:
    """Kept secrets by fingerprint or name, and the spots where the credential itself stands."""
    found = [
        Consumer(secret.kind, secret.target, secret.name, secret.updated_at, secret.fingerprint)
        for secret in secrets(connection)
        if (fingerprint is not None and secret.fingerprint == fingerprint) or secret.name in names
    ]
    if fingerprint is not None:
        chosen = _sightings().where(SIGHTINGS.c.fingerprint == fingerprint, _PRESENT)
        spots = [unpacked(row.location, Location) for row in connection.execute(chosen)]
        live = {(spot.target, spot.path) for spot in spots if spot.path and spot.in_head is not False}
        found += [Consumer("file", target, path, None, fingerprint) for target, path in sorted(live)]
    return found


def difference(connection: Connection, since: int | None) -> list[Difference]:
    """What changed after sweep `since`, by default in the last one."""
    last = connection.execute(select(func.max(SWEEPS.c.id))).scalar() or 0
    after = last - 1 if since is None else since
    spots: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_sightings()):
        spots[row.fingerprint].append(row)
    found = []
    for row in connection.execute(select(CREDENTIALS).order_by(CREDENTIALS.c.fingerprint)).all():
        mine = spots[row.fingerprint]
        change, changed = _change(row.first_in, mine, after)
        if change is not None:
            locations = ordered(unpacked(spot.location, Location) for spot in changed)
            found.append(Difference(change, _known(row, mine), locations))
    return found


def _change(first_in: int, spots: Sequence[Row[Any]], after: int) -> tuple[ChangeType | None, list[Row[Any]]]:
    fresh = [spot for spot in spots if spot.present and spot.first_in > after]
    if any(spot.present for spot in spots):
        if first_in > after:
            return "new", fresh
        return ("new-place", fresh) if fresh else (None, [])
    went = [spot for spot in spots if (spot.gone_in or spot.read_in or 0) > after]
    return ("gone", went) if went and first_in <= after else (None, [])


def swept(connection: Connection, sweep: int) -> SweepRecord:
    """Everything the sweep saw or found unchanged."""
    mine = or_(PLACES.c.checked_in == sweep, PLACES.c.failed_in == sweep)
    spots: dict[str, list[Location]] = defaultdict(list)
    for row in connection.execute(_sightings().where(mine, _PRESENT)):
        spots[row.fingerprint].append(unpacked(row.location, Location))
    held = connection.execute(select(CREDENTIALS).order_by(CREDENTIALS.c.fingerprint)).all()
    found = [row for row in held if row.fingerprint in spots]
    notes = connection.execute(select(NOTES).join(PLACES, NOTES.c.place == PLACES.c.key).where(mine)).all()
    problems = [(unpacked(row.document, Problem), row.first_in) for row in notes if row.kind == "problem"]
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for row in connection.execute(select(PLACES).where(mine).order_by(PLACES.c.key)):
        objects, size = totals.get((row.target, row.kind), (0, 0))
        totals[row.target, row.kind] = (objects + row.objects, size + row.bytes)
    names = select(SECRETS).join(PLACES, SECRETS.c.place == PLACES.c.key).where(mine)
    return SweepRecord(
        credentials=tuple(
            replace(unpacked(row.document, Credential), locations=ordered(spots[row.fingerprint])) for row in found
        ),
        problems=tuple(problem for problem, _ in problems),
        skipped=tuple(unpacked(row.document, Skipped) for row in notes if row.kind == "skipped"),
        targets=tuple(Target(*place, *amount) for place, amount in totals.items()),
        secrets=tuple(_secret_names(connection.execute(names))),
        new_credentials=tuple(
            row.fingerprint for row in found if row.first_in == sweep and row.likelihood == "credential"
        ),
        new_problems=tuple(problem for problem, first in problems if first == sweep),
    )


_SHORTEST = 6
_HEX = re.compile("[0-9a-f]{1,64}")


def one(known: Sequence[KnownCredential], fingerprint: str) -> KnownCredential:
    """The one credential whose fingerprint is, or starts with, `fingerprint`.

    Raises:
        UsageError: none does, or several do.
    """
    named = fingerprint.strip().lower()
    if not _HEX.fullmatch(named):
        # Not repeated: it may be a credential that was given by mistake.
        message = "a fingerprint has 32 hex digits; `tokenaudit fingerprint` computes it from a value on stdin"
        raise UsageError(message)
    found = [entry for entry in known if entry.credential.fingerprint == named]
    if not found and len(named) >= _SHORTEST:
        found = [entry for entry in known if entry.credential.fingerprint.startswith(named)]
    if not found:
        message = f"no credential with the fingerprint {named}; `tokenaudit inventory list` names them all"
        raise UsageError(message)
    if len(found) > 1:
        message = f"{len(found)} fingerprints start with {named}; give more digits"
        raise UsageError(message)
    return found[0]


def to_forget(known: Sequence[KnownCredential], fingerprints: Sequence[str], namespace: str | None) -> list[str]:
    """The fingerprints, checked.

    Raises:
        UsageError: nothing was named, or one is unknown.
    """
    if not fingerprints and namespace is None:
        message = "name the fingerprints to forget, or a --namespace"
        raise UsageError(message)
    return [one(known, fingerprint).credential.fingerprint for fingerprint in fingerprints]
