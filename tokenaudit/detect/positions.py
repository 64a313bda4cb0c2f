"""Offsets in bytes as lines and columns."""

from __future__ import annotations

from typing import TypeAlias

Place: TypeAlias = tuple[int | None, int | None]
"""Line and column from 1, or None where no text encloses the spot."""

_LOOKED_AT = 8000
"""Bytes in which git looks for a NUL to call something binary; so do we."""

_CONTROL = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROL = 0.05


def is_text(data: bytes) -> bool:
    """Whether `data` has lines: no NUL near its beginning, and hardly any other control characters."""
    beginning = data[:_LOOKED_AT]
    return b"\0" not in beginning and len(beginning.translate(None, _CONTROL)) >= len(beginning) * (1 - _MOST_CONTROL)


class Lines:
    """Lines and columns of one piece of bytes, fast for offsets that come in order. `first` numbers its first line."""

    def __init__(self, data: bytes, first: int = 1) -> None:
        self._data = data
        self._is_text = is_text(data)
        self._first = first
        self._offset, self._passed = 0, 0

    def place(self, offset: int) -> Place:
        """Columns count characters where the line so far is UTF-8, bytes elsewhere."""
        if not self._is_text:
            return None, None
        if offset < self._offset:
            self._offset, self._passed = 0, 0
        start = self._data.rfind(b"\n", self._offset, offset) + 1
        if start:
            self._passed += self._data.count(b"\n", self._offset, start)
            self._offset = start
        before = self._data[self._offset : offset]
        if self._offset == 0:
            before = before.removeprefix(b"\xef\xbb\xbf")
        return self._first + self._passed, _characters(before) + 1


def _characters(line: bytes) -> int:
    try:
        return len(line.decode())
    except UnicodeDecodeError:
        return len(line)
