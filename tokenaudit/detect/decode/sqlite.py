"""SQLite databases: columns are stored without separators, so their ends are computed from the record header.

Format: sqlite.org/fileformat2.html, "Record Format". Databases are not opened with SQLite, so that damaged ones can be
read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit

_MAGIC = b"SQLite format 3\0"
_REACH = 8 << 10
_LONGEST_HEADER = 127
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)
_FIRST_VARIABLE = len(_SIZES)
_LONGEST_VARINT = 9
_SEARCH = 1_000_000
"""Nanoseconds to find the record that contains a hit."""


def is_sqlite(data: bytes) -> bool:
    """Return whether `data` is a database or a write-ahead log."""
    return data.startswith((_MAGIC, b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"))


def unwrap_columns(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the text or blob that contains each hit, if its record can be recognized."""
    end = -1
    for hit in hits:
        if hit.start < end:
            continue
        if not budget.work(_SEARCH):
            return
        column = _column(data, hit.start)
        if column and budget.spend(column[1] - column[0]):
            start, end = column
            yield Decoded(data[start:end], ("sqlite",), start, column[0].__add__, None, column)


def _column(data: bytes, offset: int) -> tuple[int, int] | None:
    for at in range(offset - 1, max(0, offset - _REACH), -1):
        size = data[at]
        if 1 < size <= _LONGEST_HEADER and at + size <= offset:
            columns = _columns(data, at, size)
            if columns and columns[0] <= offset < columns[-1] and _is_record(data, at, columns[-1] - at):
                start = max(column for column in columns if column <= offset)
                return start, min(column for column in columns if column > offset)
    return None


def _columns(data: bytes, at: int, size: int) -> list[int]:
    """Return the starts of the columns of the record with its header at `at`, and the end of the last column."""
    here, end = at + 1, at + size
    edges = [end]
    while here < end:
        kind, here = _varint(data, here)
        edges.append(edges[-1] + (_SIZES[kind] if kind < _FIRST_VARIABLE else (kind - _FIRST_VARIABLE) // 2))
    return edges if here == end and edges[-1] <= len(data) else []


def _is_record(data: bytes, at: int, size: int) -> bool:
    """Return whether the size of the record precedes it, optionally followed by a row id."""
    for row in range(_LONGEST_VARINT + 1):
        for length in (1, 2, 3):
            start = at - row - length
            sized = start >= 0 and _varint(data, start) == (size, start + length)
            if sized and (row == 0 or _varint(data, start + length)[1] == at):
                return True
    return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for here in range(at, min(at + _LONGEST_VARINT, len(data))):
        value = value << 7 | data[here] & 0x7F
        if data[here] < 0x80:  # noqa: PLR2004 - the top bit is set if more bytes follow
            return value, here + 1
    return value, min(at + _LONGEST_VARINT, len(data))
