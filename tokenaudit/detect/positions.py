"""Convert byte offsets to lines and columns, and find the variable that a value is assigned to.

Only a line feed ends a line, as in git and `grep -n`: carriage returns, form feeds, U+2028 and NUL are characters of
the line.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

Position: TypeAlias = tuple[int | None, int | None]
"""Line and column, starting at 1; None if the offset is not in text."""

_LOOKED_AT = 8000
"""Bytes at the start that decide whether data are text; git uses the same number."""

_CONTROL = bytes({*range(1, 0x20), 0x7F} - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROL = 0.05
_MOST_NUL = 0.1
_MARK = b"\xef\xbb\xbf"

_MOST_BEFORE = 300
"""Bytes before a value to search for its variable."""

_BACKWARDS = re.compile(
    rb"[^\s\"'`]*?(?:\s+rerae[Bb])?[\"'`]?\s*(?:=:?|(?<=[\s\"'`]):)\s*\}?[\"']?"
    rb"(?P<name>[A-Za-z0-9_]{0,99}[A-Za-z_])(?=\Z|[\s;&|\"'`(\[{,]|:vne\{?\$)"
)
"""`NAME=`, `NAME: ` or `"NAME": `, followed by at most one word, such as the start of a URL, before the value.

It matches the reversed text before the value, which fails fast if there is no assignment."""
_NAME = rb"[A-Za-z_][A-Za-z0-9_]{0,99}"
_NAMED_BEFORE = re.compile(
    rb"(?:[\"']?(?:name|key)[\"']?\s*[:=]\s*[\"']?(?P<name>" + _NAME + rb")[\"']?\s*,?\s*[\"']?value"
    rb"|[\"']?(?P<outer>" + _NAME + rb")[\"']?\s*:\s*\{?\s*[\"']?value)[\"']?\s*[:=]\s*[\"']?\Z"
)
"""A list of names and values, as in Kubernetes and container definitions, or a mapping with one `value`."""


def is_text(data: bytes) -> bool:
    """Return whether `data` are text: few control characters, and only isolated NULs in valid UTF-8.

    Two consecutive NULs are part of a binary number or padding. git treats a file with any NUL as binary, but a log or
    an environment with a few NULs has lines too.
    """
    beginning = data[:_LOOKED_AT]
    size = len(beginning)
    if b"\0" in beginning:
        nul = beginning.count(0)
        if b"\0\0" in beginning or nul > size * _MOST_NUL or not _is_utf8(beginning):
            return False
    return size - len(beginning.translate(None, _CONTROL)) <= size * _MOST_CONTROL


_LONGEST_CHARACTER = 4


def _is_utf8(beginning: bytes) -> bool:
    """Return whether `beginning` is UTF-8; the last character can be truncated."""
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        return error.start > len(beginning) - _LONGEST_CHARACTER and error.reason == "unexpected end of data"
    return True


class Lines:
    """Lines and columns of `data`, fast for offsets in ascending order. `first` is the number of the first line."""

    def __init__(self, data: bytes, first: int = 1) -> None:
        self._data = data
        self._is_text = is_text(data)
        self._first = first
        self._restart()

    def _restart(self) -> None:
        self._passed = 0
        self._line = self._at = len(_MARK) if self._data.startswith(_MARK) else 0
        self._characters: int | None = 0

    def place(self, offset: int) -> Position:
        """Return the position of `offset`. Columns count characters if the line so far is UTF-8, otherwise bytes."""
        if not self._is_text:
            return None, None
        if offset < self._at:
            self._restart()
        start = self._data.rfind(b"\n", self._at, offset) + 1
        if start:
            self._passed += self._data.count(b"\n", self._at, start)
            self._line = self._at = start
            self._characters = 0
        if self._characters is not None:
            more = _characters(self._data[self._at : offset])
            self._characters = None if more is None else self._characters + more
        self._at = max(self._at, offset)
        before = self._characters if self._characters is not None else offset - self._line
        return self._first + self._passed, before + 1


def _characters(text: bytes) -> int | None:
    try:
        return len(text.decode())
    except UnicodeDecodeError:
        return None


class Ranges:
    """A set of half-open ranges, merged on creation for fast lookup."""

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(stretches):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __contains__(self, offset: int) -> bool:
        index = bisect_right(self._starts, offset) - 1
        return index >= 0 and offset < self._ends[index]


class Origins:
    """Maps offsets in a derived text to offsets in its source, by the ranges copied from the source."""

    def __init__(self, start: int = 0) -> None:
        self._new = array("q", [0])
        self._old = array("q", [start])

    def add(self, new: int, old: int) -> None:
        """Map offsets from `new` on to offsets from `old` on. Calls must be in ascending order."""
        if new == self._new[-1]:
            self._old[-1] = old
            return
        self._new.append(new)
        self._old.append(old)

    def __call__(self, offset: int) -> int:
        """Return the offset in the source."""
        index = bisect_right(self._new, offset) - 1
        return self._old[index] + offset - self._new[index]


def assigned_to(data: bytes, at: int) -> str | None:
    """Return the variable or key whose value starts at or contains the offset `at`; None if there is none."""
    before = data[max(0, at - _MOST_BEFORE) : at]
    found = _BACKWARDS.match(before[::-1])
    if found is None:
        return None
    name = found["name"][::-1]
    pair = _NAMED_BEFORE.search(before) if name == b"value" else None
    return ((pair["name"] or pair["outer"]) if pair else name).decode()
