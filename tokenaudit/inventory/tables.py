"""The inventory's tables, defined once for SQLite and PostgreSQL, and their forward migrations.

The migrations are a list in this package and a table with one number, not a migration framework with its own
environment: they run unattended on users' machines when an inventory is opened, and start-up must stay fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    RowMapping,
    String,
    Table,
    Text,
    TypeDecorator,
    insert,
    update,
)

from tokenaudit.model import Credential, Skipped
from tokenaudit.redaction import mask, masked
from tokenaudit.timestamps import parse_timestamp, rfc3339

T = TypeVar("T")


class DamagedError(ValueError):
    """A row that does not contain valid data; the message names the part."""


class UtcTime(TypeDecorator[datetime]):
    """A timezone-aware time as fixed-width UTC text, which sorts chronologically in every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """See `TypeDecorator`."""
        del dialect
        return None if value is None else rfc3339(value, microseconds=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the time, or None if the text is invalid."""
        del dialect
        return stored_time(value)


class SafeText(TypeDecorator[str]):
    """Untrusted text, masked, with characters that a database can't store (lone surrogates, NUL) escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See `TypeDecorator`."""
        del dialect
        return None if value is None else storable(value)


def stored_time(value: object) -> datetime | None:
    """Return the time in a `UtcTime` column; None if the value is invalid.

    Versions before 0.1.0 wrote years below 1000 with fewer than four digits.
    """
    if not isinstance(value, str):
        return None
    year, dash, rest = value.partition("-")
    return parse_timestamp(f"{year.zfill(4)}{dash}{rest}")


def storable(text: str) -> str:
    """Return `text` as a `SafeText` column stores it: without credentials."""
    return mask(text).encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def packed(value: object) -> str:
    """Return a dataclass of the model, masked, as deterministic ASCII JSON; any text is preserved."""
    return json.dumps(msgspec.to_builtins(masked(value)), sort_keys=True, separators=(",", ":"))


def unpacked(text: str, kind: type[T]) -> T:
    """Return the value that `packed` serialized.

    Raises:
        DamagedError: the text is not such a value.
    """
    try:
        return msgspec.convert(json.loads(text), kind)
    except (ValueError, TypeError, RecursionError):
        message = f"{kind.__name__.lower()} can't be read"
        raise DamagedError(message) from None


METADATA = MetaData()

VERSION = Table("schema_version", METADATA, Column("number", Integer, primary_key=True))

SWEEPS = Table(
    "sweeps",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scope", SafeText, nullable=False),
    Column("namespaces", SafeText, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("complete", Boolean),
)

PLACES = Table(
    "places",
    METADATA,
    Column("key", SafeText, primary_key=True),
    Column("namespace", SafeText, nullable=False),
    Column("target", SafeText, nullable=False),
    Column("kind", SafeText, nullable=False),
    Column("aspect", SafeText, nullable=False),
    # The version that was read last, and the version of its reader; null if it must be read again.
    Column("state", SafeText),
    # The sweep that last read it, and the one that last read it or found it unchanged.
    Column("read_in", Integer),
    Column("checked_in", Integer),
    Column("failed_in", Integer),
    Column("gone_in", Integer),
    Column("checked_at", UtcTime),
    Column("objects", Integer, nullable=False, default=0),
    Column("bytes", Integer, nullable=False, default=0),
    Index("places_by_sweep", "checked_in"),
)

CREDENTIALS = Table(
    "credentials",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),
    Column("kind", SafeText, nullable=False),
    Column("display", SafeText, nullable=False),
    Column("likelihood", SafeText, nullable=False),
    Column("document", Text, nullable=False),
    Column("inspected_in", Integer),
    Column("first_in", Integer, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
)

SIGHTINGS = Table(
    "sightings",
    METADATA,
    Column("place", SafeText, ForeignKey("places.key", ondelete="CASCADE"), primary_key=True),
    Column("fingerprint", String(64), ForeignKey("credentials.fingerprint", ondelete="CASCADE"), primary_key=True),
    Column("mark", String(64), primary_key=True),
    Column("location", Text, nullable=False),
    Column("first_in", Integer, nullable=False),
    Column("last_in", Integer, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index("sightings_by_credential", "fingerprint"),
)

NOTES = Table(
    "notes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("place", SafeText, ForeignKey("places.key", ondelete="CASCADE"), nullable=False),
    # problem, skipped, service-account, or across: a problem that is computed from several places
    Column("kind", String(16), nullable=False),
    Column("document", Text, nullable=False),
    Column("first_in", Integer, nullable=False),
    Index("notes_by_place", "place"),
)

SECRETS = Table(
    "secrets",
    METADATA,
    Column("place", SafeText, ForeignKey("places.key", ondelete="CASCADE"), primary_key=True),
    Column("kind", SafeText, primary_key=True),
    Column("target", SafeText, primary_key=True),
    Column("name", SafeText, primary_key=True),
    Column("updated_at", UtcTime),
    Column("description", SafeText),
    Column("fingerprint", String(64)),
    Column("first_seen", UtcTime, nullable=False),
)


def _first(connection: Connection) -> None:
    METADATA.create_all(connection, checkfirst=False)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first,)
"""Step n - 1 migrates to version n. Steps are only ever added, and describe their changes without `METADATA` once
that has changed."""


def migrate(connection: Connection, version: int) -> None:
    """Migrate a database from `version` (0: empty) to the current version, inside the caller's transaction."""
    for step in MIGRATIONS[version:]:
        step(connection)
    number: dict[str, Any] = {"number": len(MIGRATIONS)}
    connection.execute(update(VERSION).values(number) if version else insert(VERSION).values(number))


REMEDY = "run `tokenaudit inventory check` to repair it"


@dataclass
class DamagedRows:
    """The damaged rows found, by table and key, with the damage of each."""

    rows: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, table: Table, row: Row[Any], error: Exception) -> None:
        """Record one row."""
        self.rows[str(table.name), name_of(table, row._mapping)] = str(error)  # noqa: SLF001 - SQLAlchemy's public name for it

    def skipped(self) -> list[Skipped]:
        """Return the rows as skipped items of a report."""
        return [
            Skipped(f"inventory: {table} {name}", f"damaged row ({reason}); {REMEDY}")
            for (table, name), reason in self.rows.items()
        ]

    def sound(
        self, table: Table, rows: Iterable[Row[Any]], read: Callable[[Row[Any]], T]
    ) -> Iterator[tuple[Row[Any], T]]:
        """Yield each row with the result of `read`; damaged rows are recorded and omitted."""
        for row in rows:
            found = self._checked(table, row, read)
            if found is not None:
                yield row, found[0]

    def _checked(self, table: Table, row: Row[Any], read: Callable[[Row[Any]], T]) -> tuple[T] | None:
        try:
            verify(table, row._mapping)  # noqa: SLF001 - as above
            return (read(row),)
        except DamagedError as error:
            self.note(table, row, error)
            return None


def verify(table: Table, values: Mapping[str, Any] | RowMapping) -> None:
    """Check every column of `table` that is in `values`.

    Raises:
        DamagedError: a required column is null, or a value has the wrong type.
    """
    for column in table.columns:
        if column.name not in values:
            continue
        value = values[column.name]
        if value is None and column.nullable:
            continue
        if not isinstance(value, _python_type(column.type)):
            message = f"{column.name} can't be read"
            raise DamagedError(message)


def name_of(table: Table, values: Mapping[str, Any] | RowMapping) -> str:
    """Return the key of a row: its primary key."""
    return " ".join(str(values.get(column.name)) for column in table.primary_key.columns)


def credential_of(fingerprint: str, document: str) -> Credential:
    """Return the credential in a row of the credentials table.

    Raises:
        DamagedError: the document is invalid, or that of another credential.
    """
    credential = unpacked(document, Credential)
    if credential.fingerprint != fingerprint:
        message = "its document belongs to another credential"
        raise DamagedError(message)
    return credential


def _python_type(kind: object) -> type:
    if isinstance(kind, Boolean):
        return bool
    if isinstance(kind, Integer):
        return int
    return datetime if isinstance(kind, UtcTime) else str
