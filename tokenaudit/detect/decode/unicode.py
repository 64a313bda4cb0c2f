"""UTF-16 and UTF-32: whole texts with or without a byte order mark, and strings inside binaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenaudit.detect.decode import Decoded
from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit

_LOOKED_AT = 4000
_RARELY = 8  # one NUL per this many characters does not make a text binary
_UTF16_STRINGS = (
    re.compile(rb"(?:[\t\n\r\x20-\x7e]\x00){8,}"),
    re.compile(rb"(?:\x00[\t\n\r\x20-\x7e]){8,}"),
)
_REACH = 64 << 10
_BYTE = 10
"""Nanoseconds per byte to find the string that contains a hit."""


def unwrap_utf16(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the whole text if all of `data` is UTF-16, otherwise the strings that contain hits."""
    encoding = _utf16_encoding(data)
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
        for string in (found for strings in _UTF16_STRINGS for found in strings.finditer(data, low, high)):
            if string.start() <= hit.start and hit.end - 1 <= string.end():
                done = string.end()
                yield _utf16_string(data, string)


def _utf16_string(data: bytes, string: re.Match[bytes]) -> Decoded:
    first = string.start() + (data[string.start()] == 0)
    return Decoded(data[first : string.end() : 2], ("utf-16",), string.start(), lambda offset: first + offset * 2)


def _utf16_encoding(data: bytes) -> str | None:
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


_CHARACTER = 4
_UTF32_STRINGS = (
    ("utf-32-le", re.compile(rb"(?:[\x00-\xff]{2}[\x00-\x10]\x00){8,}")),
    ("utf-32-be", re.compile(rb"(?:\x00[\x00-\x10][\x00-\xff]{2}){8,}")),
)


def unwrap_utf32(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
    """Yield the whole text if all of `data` is UTF-32, otherwise the strings that contain hits."""
    if encoding := _utf32_encoding(data):
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
        string = dict(_UTF32_STRINGS)[encoding].match(data, start, start + _REACH)
        if string:
            done = string.end()
            first = start + (0 if encoding == "utf-32-le" else _CHARACTER - 1)
            characters = data[first : string.end() : _CHARACTER]
            yield _utf32_string(characters, start)


def _utf32_string(characters: bytes, start: int) -> Decoded:
    return Decoded(characters, ("utf-32",), start, lambda offset: start + offset * _CHARACTER)


def _utf32_encoding(data: bytes) -> str | None:
    """Return the UTF-32 encoding of `data`, by its byte order mark or because it decodes; None if it has none."""
    if data.startswith(b"\xff\xfe\0\0"):
        return "utf-32-le"
    if data.startswith(b"\0\0\xfe\xff"):
        return "utf-32-be"
    for encoding, text in _UTF32_STRINGS:
        if len(data) % _CHARACTER == 0 and text.match(data[: _CHARACTER * 64]):
            try:
                data.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    return None
