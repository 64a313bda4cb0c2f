"""Rows of the inventory that do not hold what was written: each costs itself alone and is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Boolean, Integer, Row, RowMapping, Table

from tokenaudit.inventory.tables import DamagedError, UtcTime, unpacked
from tokenaudit.model import Credential, Skipped

T = TypeVar("T")

REMEDY = "run `tokenaudit inventory check` to repair it"


@dataclass
class DamagedRows:
    """The damaged rows that were met, by table and what names the row, with what is wrong with each."""

    rows: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, table: Table, row: Row[Any], error: Exception) -> None:
        """Remembers one row."""
        self.rows[str(table.name), name_of(table, row._mapping)] = str(error)  # noqa: SLF001 - SQLAlchemy's public name for it

    def skipped(self) -> list[Skipped]:
        """The rows as a report lists what could not be read."""
        return [
            Skipped(f"inventory: {table} {name}", f"the row is damaged ({reason}); {REMEDY}")
            for (table, name), reason in self.rows.items()
        ]

    def sound(
        self, table: Table, rows: Iterable[Row[Any]], read: Callable[[Row[Any]], T]
    ) -> Iterator[tuple[Row[Any], T]]:
        """Each row with what `read` makes of it; a row that is damaged is noted and left out."""
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
    """Checks every column of `table` that is among `values`.

    Raises:
        DamagedError: a column is empty that must not be, or holds something of another type.
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
    """What names a row: its primary key."""
    return " ".join(str(values.get(column.name)) for column in table.primary_key.columns)


def credential_of(fingerprint: str, document: str) -> Credential:
    """The credential in a row of the credentials table.

    Raises:
        DamagedError: the document is none, or one of another credential.
    """
    credential = unpacked(document, Credential)
    if credential.fingerprint != fingerprint:
        message = "its document is that of another credential"
        raise DamagedError(message)
    return credential


def _python_type(kind: object) -> type:
    if isinstance(kind, Boolean):
        return bool
    if isinstance(kind, Integer):
        return int
    return datetime if isinstance(kind, UtcTime) else str
