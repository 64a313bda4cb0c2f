"""`tokenaudit inventory check`: verifies every row, and repairs damaged ones where possible.

Rows are read as stored in the database, without the conversions of ordinary reading. Values that can't be restored
are never invented: a lost time is replaced by that of the row's sweep, a lost document is removed, and its place is
read again by the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Boolean, Connection, Integer, Table, text

from tokenaudit.inventory.record import ACROSS
from tokenaudit.inventory.tables import (
    CREDENTIALS,
    NOTES,
    PLACES,
    SECRETS,
    SIGHTINGS,
    SWEEPS,
    DamagedError,
    UtcTime,
    credential_of,
    name_of,
    packed,
    stored_time,
    unpacked,
)
from tokenaudit.model import Credential, Location, Problem, ServiceAccount, Skipped
from tokenaudit.timestamps import rfc3339

Values: TypeAlias = dict[str, Any]

_LIKELIHOODS = frozenset({"credential", "placeholder", "identifier"})
_AGAIN = "removed; the next sweep scans its place again"
_ORPHAN = "parent row is missing"


@dataclass(frozen=True)
class DamagedRow:
    """One damaged row: its table, its key, the damage, and the repair (None: not repairable)."""

    table: str
    row: str
    reason: str
    repair: str | None


@dataclass(frozen=True)
class CheckResult:
    """The number of verified rows and the damaged ones; `sound` is whether no damage is left."""

    rows: int
    damaged: tuple[DamagedRow, ...]

    @property
    def sound(self) -> bool:
        """Whether every damaged row was repaired."""
        return all(row.repair is not None for row in self.damaged)


def check(connection: Connection, now: datetime) -> CheckResult:
    """Verify the database and every row, and repair what can be repaired, inside the caller's transaction."""
    work = _Check(connection, now)
    work.database()
    for table, repair in _REPAIRS:
        work.table(table, repair)
    work.reread()
    return CheckResult(work.rows, tuple(work.damaged))


class _Check:
    """One check: its results so far, and the data used by repairs."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.rows = 0
        self.damaged: list[DamagedRow] = []
        self._connection, self._now = connection, now
        self._sqlite = connection.dialect.name == "sqlite"
        self._again: dict[str, None] = {}
        self._started: dict[int, str] = {}
        self._keys: dict[str, set[object]] = {}

    def database(self) -> None:
        """Run SQLite's own check of pages and indexes; damaged indexes are rebuilt."""
        if not self._sqlite:
            return  # PostgreSQL checks its pages when it reads them
        errors = self._integrity()
        if errors:
            self._connection.exec_driver_sql("REINDEX")
            left = self._integrity()
            for line in errors:
                self.damaged.append(DamagedRow("database", "", line, None if line in left else "indexes rebuilt"))

    def _integrity(self) -> list[str]:
        complaints = self._connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        # Columns with null or values of another type are found below, row by row.
        return [line for line in map(str, complaints) if line != "ok" and "NULL value in" not in line]

    def table(self, table: Table, repair: Repair) -> None:
        """Verify every row of one table, and repair or remove those that are damaged."""
        for address, values in self._raw(table):
            self.rows += 1
            reasons: list[str] = []
            misspelled: list[str] = []
            fixed = _converted(table, values, reasons, misspelled)
            done = repair(self, fixed, reasons)
            complaints = [*reasons, *misspelled]
            if not complaints:
                continue
            if not reasons:
                done = "rewritten"
            self.damaged.append(
                DamagedRow(str(table.name), name_of(table, values), "; ".join(complaints), done or _AGAIN)
            )
            if done is None:
                self._execute(f'DELETE FROM "{table.name}" WHERE {self._at}', {"at": address})  # noqa: S608 - names are constants
                continue
            changed = {name: value for name, value in fixed.items() if value != values[name]}
            if changed:
                sets = ", ".join(f'"{name}" = :{name}' for name in changed)
                self._execute(f'UPDATE "{table.name}" SET {sets} WHERE {self._at}', {**changed, "at": address})  # noqa: S608 - as above
        if table is SWEEPS:
            self._started = {row["id"]: row["started_at"] for _, row in self._raw(SWEEPS)}
        (first, *_) = table.primary_key.columns
        self._keys[table.name] = {row[first.name] for _, row in self._raw(table)}

    def _raw(self, table: Table) -> list[tuple[object, Values]]:
        names = [column.name for column in table.columns]
        address = "rowid" if self._sqlite else "CAST(ctid AS text)"
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self._execute(f'SELECT {address}, {columns} FROM "{table.name}"')  # noqa: S608 - as above
        return [(row[0], dict(zip(names, row[1:], strict=True))) for row in rows.all()]

    @property
    def _at(self) -> str:
        return "rowid = :at" if self._sqlite else "ctid = CAST(:at AS tid)"

    def _execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - a cursor
        return self._connection.execute(text(statement), dict(values or {}))

    def missing(self, table: Table, key: object) -> bool:
        """Return whether no row of `table`, which was already checked, has this key."""
        return key not in self._keys[table.name]

    def read_again(self, place: object) -> None:
        """Mark a place with lost data to be read again by the next sweep."""
        if isinstance(place, str):
            self._again[place] = None

    def reread(self) -> None:
        """Clear the state of places with lost data, so that they are read again."""
        for place in self._again:
            self._execute('UPDATE "places" SET "state" = NULL WHERE "key" = :key', {"key": place})

    def places_of(self, fingerprint: object) -> Iterator[object]:
        """Yield the places in which a credential was found."""
        found = self._execute('SELECT "place" FROM "sightings" WHERE "fingerprint" = :mark', {"mark": fingerprint})
        yield from found.scalars().all()

    def time_of(self, sweep: object) -> str:
        """Return when a sweep began, as stored; the current time if that is lost too."""
        known = self._started.get(sweep) if isinstance(sweep, int) else None
        return known if stored_time(known) is not None and known else rfc3339(self._now, microseconds=True)

    def first_sweep(self) -> int:
        """Return the oldest known sweep, the default for rows whose sweep is lost."""
        return min((number for number in self._started if isinstance(number, int)), default=1)


Repair: TypeAlias = Callable[[_Check, Values, list[str]], str | None]
"""Completes a row's values, adds to its reasons, and returns a description of the repair; None to remove the row."""


def _converted(table: Table, values: Values, reasons: list[str], misspelled: list[str]) -> Values:
    """Return `values` with times in the current format, and None for values of the wrong type."""
    fixed = dict(values)
    for column in table.columns:
        value = values[column.name]
        if value is None:
            if not column.nullable:
                reasons.append(f"{column.name} is empty")
        elif isinstance(column.type, UtcTime):
            moment = stored_time(value)
            fixed[column.name] = rfc3339(moment, microseconds=True) if moment is not None else None
            if moment is None:
                reasons.append(f"{column.name} is not a time")
            elif fixed[column.name] != value:
                misspelled.append(f"{column.name} is misspelled")
        elif not _fits(column.type, value):
            fixed[column.name] = None
            reasons.append(f"{column.name} is of another type")
    return fixed


def _fits(kind: object, value: object) -> bool:
    if isinstance(kind, Boolean):
        return value in (0, 1)
    if isinstance(kind, Integer):
        return isinstance(value, int)
    return isinstance(value, str)


def _sweep(work: _Check, row: Values, reasons: list[str]) -> str | None:
    del work
    if row["id"] is None:
        return None
    row["scope"], row["namespaces"] = row["scope"] or "", row["namespaces"] or ""
    if row["started_at"] is None:
        row["started_at"] = row["finished_at"] or _EPOCH
    if any(reason.startswith(("finished_at", "complete")) for reason in reasons):
        # An old sweep must not be continued.
        row["finished_at"], row["complete"] = row["finished_at"] or row["started_at"], False
    return "times completed"


_EPOCH = "1970-01-01T00:00:00.000000Z"


def _place(work: _Check, row: Values, reasons: list[str]) -> str | None:
    if any(row[name] is None for name in ("key", "namespace", "target", "kind", "aspect")):
        return None
    row["objects"], row["bytes"] = row["objects"] or 0, row["bytes"] or 0
    if reasons:
        work.read_again(row["key"])
    return "the next sweep scans it again"


def _credential(work: _Check, row: Values, reasons: list[str]) -> str | None:
    credential = _read(lambda: credential_of(row["fingerprint"] or "", row["document"] or ""), reasons)
    if credential is None:
        for place in work.places_of(row["fingerprint"]):
            work.read_again(place)
        if None in (row["fingerprint"], row["kind"], row["display"]) or row["likelihood"] not in _LIKELIHOODS:
            return None
        credential = Credential(row["fingerprint"], row["kind"], row["display"], row["likelihood"])
        row["document"], row["inspected_in"] = packed(credential), None
    for name in ("kind", "display", "likelihood"):
        if row[name] != getattr(credential, name):
            if row[name] is not None:
                reasons.append(f"{name} contradicts its document")
            row[name] = getattr(credential, name)
    _first_seen(work, row)
    return "the next sweep inspects it again"


def _sighting(work: _Check, row: Values, reasons: list[str]) -> str | None:
    location = _read(lambda: unpacked(row["location"] or "", Location), reasons)
    if _is_orphan(work, row, reasons, (PLACES, "place"), (CREDENTIALS, "fingerprint")):
        return None
    if location is None or row["mark"] is None:
        work.read_again(row["place"])
        return None
    _first_seen(work, row)
    row["last_in"] = row["last_in"] if row["last_in"] is not None else row["first_in"]
    row["last_seen"] = row["last_seen"] or max(row["first_seen"], work.time_of(row["last_in"]))
    return "times completed"


def _note(work: _Check, row: Values, reasons: list[str]) -> str | None:
    kind = {"problem": Problem, ACROSS: Problem, "skipped": Skipped, "service-account": ServiceAccount}.get(row["kind"])
    if kind is None:
        reasons.append("kind unknown")
    elif _is_orphan(work, row, reasons, (PLACES, "place")):
        return None
    elif _read(lambda: unpacked(row["document"] or "", kind), reasons) is not None:
        row["first_in"] = row["first_in"] if row["first_in"] is not None else work.first_sweep()
        return "sweep completed"
    work.read_again(row["place"])
    return None


def _secret(work: _Check, row: Values, reasons: list[str]) -> str | None:
    if _is_orphan(work, row, reasons, (PLACES, "place")):
        return None
    if any(row[name] is None for name in ("kind", "target", "name")):
        work.read_again(row["place"])
        return None
    if any(reason.startswith("updated_at is not") for reason in reasons):
        work.read_again(row["place"])
    row["first_seen"] = row["first_seen"] or work.time_of(work.first_sweep())
    return "the next sweep inspects it again"


def _first_seen(work: _Check, row: Values) -> None:
    row["first_in"] = row["first_in"] if row["first_in"] is not None else work.first_sweep()
    row["first_seen"] = row["first_seen"] or work.time_of(row["first_in"])


def _is_orphan(work: _Check, row: Values, reasons: list[str], *parents: tuple[Table, str]) -> bool:
    missing = [name for table, name in parents if row[name] is None or work.missing(table, row[name])]
    if missing:
        reasons.append(_ORPHAN)
        if "place" not in missing:
            work.read_again(row["place"])
    return bool(missing)


def _read(read: Callable[[], Any], reasons: list[str]) -> Any:  # noqa: ANN401 - the result of `read`
    try:
        return read()
    except DamagedError as error:
        reasons.append(str(error))
        return None


_REPAIRS: tuple[tuple[Table, Repair], ...] = (
    (SWEEPS, _sweep),
    (PLACES, _place),
    (CREDENTIALS, _credential),
    (SIGHTINGS, _sighting),
    (NOTES, _note),
    (SECRETS, _secret),
)
"""In this order: rows are completed from the rows that they reference."""
