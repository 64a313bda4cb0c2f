"""UTF-32: whole texts with or without a byte order mark, and strings inside binaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit

_CHARACTER = 4
_STRINGS = (
    ("utf-32-le", re.compile(rb"(?:[\x00-\xff]{2}[\x00-\x10]\x00){8,}")),
    ("utf-32-be", re.compile(rb"(?:\x00[\x00-\x10][\x00-\xff]{2}){8,}")),
)
_REACH = 64 << 10
_BYTE = 10
"""Nanoseconds per byte to find the string that contains a hit."""


def unwrap_utf32(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the whole text if all of `data` is UTF-32, otherwise the strings that contain hits."""
    if encoding := _encoding(data):
        if budget.spend(len(data)):
            text = data.decode(encoding, "replace").removeprefix("\ufeff")
            yield Decoded(text.encode("utf-8", "replace"), ("utf-32",), 0, covers=(0, len(data)))
        return
    done = -1
    for hit in hits:
        if hit.start < done:
            continue
        if not budget.work(_REACH * _BYTE):
            return
        encoding = "utf-32-le" if data[hit.start] else "utf-32-be"
        start = hit.start
        string = dict(_STRINGS)[encoding].match(data, start, start + _REACH)
        if string:
            done = string.end()
            first = start + (0 if encoding == "utf-32-le" else _CHARACTER - 1)
            characters = data[first : string.end() : _CHARACTER]
            yield _inner(characters, start)


def _inner(characters: bytes, start: int) -> Decoded:
    return Decoded(characters, ("utf-32",), start, lambda offset: start + offset * _CHARACTER)


def _encoding(data: bytes) -> str | None:
    """Return the UTF-32 encoding of `data`, by its byte order mark or because it decodes; None if it has none."""
    if data.startswith(b"\xff\xfe\0\0"):
        return "utf-32-le"
    if data.startswith(b"\0\0\xfe\xff"):
        return "utf-32-be"
    for encoding, text in _STRINGS:
        if len(data) % _CHARACTER == 0 and text.match(data[: _CHARACTER * 64]):
            try:
                data.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    return None
