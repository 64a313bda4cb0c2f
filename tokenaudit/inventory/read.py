"""Reading the inventory: each function runs inside the caller's transaction.

A damaged row is recorded in the caller's `DamagedRows` and omitted; all other rows are read.
"""

from __future__ import annotations

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
    DamagedError,
    DamagedRows,
    credential_of,
    storable,
    unpacked,
    verify,
)
from tokenaudit.model import Credential, Inspection, Location, Problem, SecretName, ServiceAccount, Skipped, Target
from tokenaudit.text import parse_fingerprint

_PRESENT: ColumnElement[bool] = and_(PLACES.c.gone_in.is_(None), SIGHTINGS.c.last_in >= PLACES.c.read_in)


@dataclass(frozen=True)
class SweepRecord:
    """Everything one sweep found or found unchanged. Places that failed have their previously recorded data."""

    credentials: tuple[Credential, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]
    targets: tuple[Target, ...]
    secrets: tuple[SecretName, ...]
    new_credentials: tuple[str, ...]
    new_problems: tuple[Problem, ...]
    service_accounts: tuple[ServiceAccount, ...] = ()


@dataclass(frozen=True)
class _Spot:
    """One row of the sightings, with data of its place.

    `ended_in` is the sweep that no longer found it, if any. If the row of the place is damaged, its locations count as
    present.
    """

    fingerprint: str
    location: Location
    first_in: int
    last_seen: datetime
    present: bool
    ended_in: int


def done(connection: Connection, sweep: int) -> set[str]:
    """Return keys of the places that the sweep has read or found unchanged."""
    return set(connection.execute(select(PLACES.c.key).where(PLACES.c.checked_in == sweep)).scalars())


def states(connection: Connection) -> dict[str, str]:
    """Return the version that was read last, by place key. Invalid values are omitted: the place is read again."""
    rows = connection.execute(select(PLACES.c.key, PLACES.c.state).where(PLACES.c.state.is_not(None)))
    return {row.key: row.state for row in rows if isinstance(row.key, str) and isinstance(row.state, str)}


def fingerprints(connection: Connection) -> dict[str, set[str]]:
    """Return the fingerprints of credentials (without placeholders and look-alikes) in each place, by place key."""
    joined = SIGHTINGS.join(PLACES, SIGHTINGS.c.place == PLACES.c.key)
    joined = joined.join(CREDENTIALS, SIGHTINGS.c.fingerprint == CREDENTIALS.c.fingerprint)
    chosen = select(SIGHTINGS.c.place, SIGHTINGS.c.fingerprint).distinct().select_from(joined)
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(chosen.where(_PRESENT, CREDENTIALS.c.likelihood == "credential")):
        found[row.place].add(row.fingerprint)
    return dict(found)


def places(connection: Connection, namespaces: Sequence[str], damage: DamagedRows) -> list[PlaceRecord]:
    """Return the known places of some namespaces that still exist."""
    mine = PLACES.c.namespace.in_([storable(name) for name in namespaces])
    rows = connection.execute(select(PLACES).where(mine, PLACES.c.gone_in.is_(None)).order_by(PLACES.c.key))
    return [
        place for _, place in damage.sound(PLACES, rows, lambda r: PlaceRecord(r.namespace, r.target, r.kind, r.aspect))
    ]


def inspections(connection: Connection, sweep: int, damage: DamagedRows) -> dict[str, Inspection]:
    """Return the inspections made during the sweep, by fingerprint."""
    rows = connection.execute(select(CREDENTIALS).where(CREDENTIALS.c.inspected_in == sweep))
    found = [credential for _, credential in damage.sound(CREDENTIALS, rows, _document)]
    return {credential.fingerprint: credential.inspection for credential in found if credential.inspection}


def sweeps(connection: Connection, damage: DamagedRows) -> list[Sweep]:
    """Return all sweeps, oldest first."""
    read = select(PLACES.c.checked_in, func.count()).group_by(PLACES.c.checked_in)
    failed = select(PLACES.c.failed_in, func.count()).group_by(PLACES.c.failed_in)
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(read)}
    failures: dict[int, int] = {row[0]: row[1] for row in connection.execute(failed)}

    def read_row(row: Row[Any]) -> Sweep:
        names = tuple(row.namespaces.split("\n"))
        numbers = counts.get(row.id, 0), failures.get(row.id, 0)
        return Sweep(row.id, row.scope, names, row.started_at, row.finished_at, row.complete, *numbers)

    rows = connection.execute(select(SWEEPS).order_by(SWEEPS.c.id))
    return [sweep for _, sweep in damage.sound(SWEEPS, rows, read_row)]


def credentials(connection: Connection, damage: DamagedRows) -> list[KnownCredential]:
    """Return all credentials, ordered by fingerprint."""
    spots = _spots(connection, damage)
    return [_known(row, credential, spots[row.fingerprint]) for row, credential in _credentials(connection, damage)]


def _credentials(connection: Connection, damage: DamagedRows) -> list[tuple[Row[Any], Credential]]:
    rows = connection.execute(select(CREDENTIALS).order_by(CREDENTIALS.c.fingerprint)).all()
    return list(damage.sound(CREDENTIALS, rows, _document))


def _document(row: Row[Any]) -> Credential:
    return credential_of(row.fingerprint, row.document)


def _spots(connection: Connection, damage: DamagedRows, *where: ColumnElement[bool]) -> dict[str, list[_Spot]]:
    """Return the locations that match `where`, by fingerprint."""
    joined = SIGHTINGS.join(PLACES, SIGHTINGS.c.place == PLACES.c.key)
    chosen = select(
        SIGHTINGS, PLACES.c.key, PLACES.c.checked_at, PLACES.c.read_in, PLACES.c.gone_in, _PRESENT.label("present")
    ).select_from(joined)
    found: dict[str, list[_Spot]] = defaultdict(list)
    rows = connection.execute(chosen.where(*where)).all()
    for _, spot in damage.sound(SIGHTINGS, rows, lambda row: _spot(row, damage)):
        found[spot.fingerprint].append(spot)
    return found


def _spot(row: Row[Any], damage: DamagedRows) -> _Spot:
    location = unpacked(row.location, Location)
    try:
        verify(PLACES, row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    except DamagedError as error:
        damage.note(PLACES, row, error)
        return _Spot(row.fingerprint, location, row.first_in, row.last_seen, present=True, ended_in=0)
    seen = (row.checked_at or row.last_seen) if row.present else row.last_seen
    return _Spot(row.fingerprint, location, row.first_in, seen, bool(row.present), row.gone_in or row.read_in or 0)


def _known(row: Row[Any], credential: Credential, spots: Sequence[_Spot]) -> KnownCredential:
    present = [spot for spot in spots if spot.present]
    shown = ordered(spot.location for spot in present or spots)
    last = max((spot.last_seen for spot in spots), default=row.first_seen)
    return KnownCredential(replace(credential, locations=shown), row.first_seen, last, bool(present))


def ordered(locations: Iterable[Location]) -> tuple[Location, ...]:
    """Return locations without duplicates, in a stable order."""
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


def secrets(connection: Connection, damage: DamagedRows) -> list[SecretName]:
    """Return all secrets and variables by name, except those of places that are gone."""
    joined = SECRETS.join(PLACES, SECRETS.c.place == PLACES.c.key)
    chosen = select(SECRETS).select_from(joined).where(PLACES.c.gone_in.is_(None))
    return _secret_names(connection.execute(chosen), damage)


def _secret_names(rows: Iterable[Row[Any]], damage: DamagedRows) -> list[SecretName]:
    def read_row(row: Row[Any]) -> SecretName:
        return SecretName(row.target, row.name, row.kind, row.updated_at, row.description, row.fingerprint)

    found = {secret for _, secret in damage.sound(SECRETS, rows, read_row)}
    return sorted(found, key=lambda s: (s.target, s.name, s.kind, s.fingerprint or ""))


def consumers(
    connection: Connection, fingerprint: str | None, names: Sequence[str], damage: DamagedRows
) -> list[Consumer]:
    """Return secrets by fingerprint or name, and the locations of the credential itself."""
    found = [
        Consumer(secret.kind, secret.target, secret.name, secret.updated_at, secret.fingerprint)
        for secret in secrets(connection, damage)
        if (fingerprint is not None and secret.fingerprint == fingerprint) or secret.name in names
    ]
    if fingerprint is not None:
        mine = _spots(connection, damage, SIGHTINGS.c.fingerprint == fingerprint)[fingerprint]
        spots = [spot.location for spot in mine if spot.present]
        live = {(spot.target, spot.path) for spot in spots if spot.path and spot.in_head is not False}
        found += [Consumer("file", target, path, None, fingerprint) for target, path in sorted(live)]
    return found


def difference(connection: Connection, since: int | None, damage: DamagedRows) -> list[Difference]:
    """Return the changes after sweep `since`, by default those of the last one."""
    last = connection.execute(select(func.max(SWEEPS.c.id))).scalar() or 0
    after = last - 1 if since is None else since
    spots = _spots(connection, damage)
    found = []
    for row, credential in _credentials(connection, damage):
        mine = spots[row.fingerprint]
        change, changed = _change(row.first_in, mine, after)
        if change is not None:
            locations = ordered(spot.location for spot in changed)
            found.append(Difference(change, _known(row, credential, mine), locations))
    return found


def _change(first_in: int, spots: Sequence[_Spot], after: int) -> tuple[ChangeType | None, list[_Spot]]:
    fresh = [spot for spot in spots if spot.present and spot.first_in > after]
    if any(spot.present for spot in spots):
        if first_in > after:
            return "new", fresh
        return ("new-place", fresh) if fresh else (None, [])
    went = [spot for spot in spots if spot.ended_in > after]
    return ("gone", went) if went and first_in <= after else (None, [])


def swept(connection: Connection, sweep: int, damage: DamagedRows) -> SweepRecord:
    """Return everything the sweep found or found unchanged."""
    mine = or_(PLACES.c.checked_in == sweep, PLACES.c.failed_in == sweep)
    spots = {
        fingerprint: [spot.location for spot in seen if spot.present]
        for fingerprint, seen in _spots(connection, damage, mine).items()
    }
    found = [(row, known) for row, known in _credentials(connection, damage) if spots.get(row.fingerprint)]
    problems, skipped, accounts = _notes(connection, mine, damage)
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    rows = connection.execute(select(PLACES).where(mine).order_by(PLACES.c.key)).all()
    for row, _ in damage.sound(PLACES, rows, lambda row: row):
        objects, size = totals.get((row.target, row.kind), (0, 0))
        totals[row.target, row.kind] = (objects + row.objects, size + row.bytes)
    names = select(SECRETS).join(PLACES, SECRETS.c.place == PLACES.c.key).where(mine)
    return SweepRecord(
        credentials=tuple(replace(known, locations=ordered(spots[row.fingerprint])) for row, known in found),
        problems=tuple(problem for problem, _ in problems),
        skipped=tuple(skipped),
        targets=tuple(Target(*place, *amount) for place, amount in totals.items()),
        secrets=tuple(_secret_names(connection.execute(names), damage)),
        new_credentials=tuple(
            row.fingerprint for row, _ in found if row.first_in == sweep and row.likelihood == "credential"
        ),
        new_problems=tuple(problem for problem, first in problems if first == sweep),
        service_accounts=tuple(accounts),
    )


def service_accounts(connection: Connection, damage: DamagedRows) -> list[ServiceAccount]:
    """Return the service accounts that sweeps have read, without verdicts, except those of places that are gone."""
    return _notes(connection, PLACES.c.gone_in.is_(None), damage)[2]


def _notes(
    connection: Connection, mine: ColumnElement[bool], damage: DamagedRows
) -> tuple[list[tuple[Problem, int]], list[Skipped], list[ServiceAccount]]:
    """Return problems, each with the sweep that first found it, what was skipped, and service accounts."""
    problems: list[tuple[Problem, int]] = []
    skipped: list[Skipped] = []
    accounts: list[ServiceAccount] = []

    def read_row(row: Row[Any]) -> None:
        if row.kind == "problem":
            problems.append((unpacked(row.document, Problem), row.first_in))
        elif row.kind == "skipped":
            skipped.append(unpacked(row.document, Skipped))
        elif row.kind == "service-account":
            accounts.append(unpacked(row.document, ServiceAccount))

    rows = connection.execute(select(NOTES).join(PLACES, NOTES.c.place == PLACES.c.key).where(mine)).all()
    for _ in damage.sound(NOTES, rows, read_row):
        pass
    return problems, skipped, sorted(accounts, key=lambda account: (account.organization, account.name, account.id))


_SHORTEST = 6


def one(known: Sequence[KnownCredential], fingerprint: str) -> KnownCredential:
    """Return the only credential whose fingerprint is, or starts with, `fingerprint`.

    Raises:
        UsageError: none or several match.
    """
    named = parse_fingerprint(fingerprint, shortest=_SHORTEST)
    found = [entry for entry in known if entry.credential.fingerprint.startswith(named)]
    if not found:
        message = f"no credential with fingerprint {named}; see `tokenaudit inventory list`"
        raise UsageError(message)
    if len(found) > 1:
        message = f"{len(found)} fingerprints start with {named}; use more digits"
        raise UsageError(message)
    return found[0]


def to_forget(known: Sequence[KnownCredential], fingerprints: Sequence[str], namespace: str | None) -> list[str]:
    """Return the fingerprints after validation.

    Raises:
        UsageError: none is given, or one is unknown.
    """
    if not fingerprints and namespace is None:
        message = "no fingerprints; pass those to forget, or --namespace"
        raise UsageError(message)
    return [one(known, fingerprint).credential.fingerprint for fingerprint in fingerprints]
