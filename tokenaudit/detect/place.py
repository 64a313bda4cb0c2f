"""Offsets in bytes as lines and columns."""

from __future__ import annotations

from typing import TypeAlias

Place: TypeAlias = tuple[int | None, int | None]
"""Line and column from 1, or None where no text encloses the spot."""

_LOOKED_AT = 8000
"""Bytes in which git looks for a NUL to call something binary; so do we."""


def is_text(data: bytes) -> bool:
    """Whether `data` has lines."""
    return b"\0" not in data[:_LOOKED_AT]


def place(data: bytes, offset: int) -> Place:
    """The place of `offset` in a text: columns in characters where its line so far is UTF-8, in bytes elsewhere."""
    start = data.rfind(b"\n", 0, offset) + 1
    before = data[start:offset]
    if start == 0:
        before = before.removeprefix(b"\xef\xbb\xbf")
    try:
        column = len(before.decode())
    except UnicodeDecodeError:
        column = len(before)
    return data.count(b"\n", 0, start) + 1, column + 1
