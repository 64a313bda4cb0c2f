"""UTF-16: whole texts with or without a byte order mark, and strings inside binaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit

_LOOKED_AT = 4000
_RARELY = 8  # one NUL per this many characters does not make a text binary
_STRINGS = (
    re.compile(rb"(?:[\t\n\r\x20-\x7e]\x00){8,}"),
    re.compile(rb"(?:\x00[\t\n\r\x20-\x7e]){8,}"),
)
_REACH = 64 << 10
_BYTE = 10
"""Nanoseconds per byte to find the string that contains a hit."""


def unwrap_utf16(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the whole text if all of `data` is UTF-16, otherwise the strings that contain hits."""
    encoding = _encoding(data)
    if encoding:
        if budget.spend(len(data)):
            text = data.decode(encoding, "replace").removeprefix("\ufeff")
            yield Decoded(text.encode("utf-8", "replace"), ("utf-16",), 0, covers=(0, len(data)))
        return
    done = -1
    for hit in hits:
        if hit.start < done:
            continue
        if not budget.work((_REACH * 2) * _BYTE):
            return
        low, high = max(0, hit.start - _REACH), hit.end + _REACH
        for string in (found for strings in _STRINGS for found in strings.finditer(data, low, high)):
            if string.start() <= hit.start and hit.end - 1 <= string.end():
                done = string.end()
                yield _inner(data, string)


def _inner(data: bytes, string: re.Match[bytes]) -> Decoded:
    first = string.start() + (data[string.start()] == 0)
    return Decoded(data[first : string.end() : 2], ("utf-16",), string.start(), lambda offset: first + offset * 2)


def _encoding(data: bytes) -> str | None:
    """Return the UTF-16 encoding of `data`, by its byte order mark or because most bytes of one parity are zero."""
    if data[:2] == b"\xff\xfe":
        return "utf-16-le"
    if data[:2] == b"\xfe\xff":
        return "utf-16-be"
    beginning = data[:_LOOKED_AT]
    half = len(beginning) // 2
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    if odd * 2 > half and even * _RARELY < odd:
        return "utf-16-le"
    if even * 2 > half and odd * _RARELY < even:
        return "utf-16-be"
    return None
