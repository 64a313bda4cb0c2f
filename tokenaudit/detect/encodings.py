"""Compute the regular expressions that match encoded literals.

A text with a known prefix (`hf_`, then letters) is a sequence of sets: the bytes allowed at each position. An encoding
maps one such sequence to another, so encodings can be nested. The result is converted to an expression at the end.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache
from typing import TypeAlias

Sets: TypeAlias = tuple[frozenset[int], ...]
"""The bytes allowed at each position of a text."""

_ALPHABET = (string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/").encode()
_URL_SAFE = {ord("+"): ord("-"), ord("/"): ord("_")}
_BODY = frozenset((string.ascii_letters + string.digits + "_").encode())
_ANY = frozenset(range(256))
_MOST_DOUBT = 16

LINE_BREAK = rb"(?:(?:\\r)?\\n|\r?\n[ \t]{0,40}|\\(?=/))"
"""A line break where an encoder folds long lines, with the indentation of the next line; an escaped line break in a
string; or the optional backslash before a slash in JSON."""

LINE_BREAK_WIDTH = 42


def known(literal: str, length: int) -> Sets:
    """Return the first `length` bytes of `literal` followed by the body of a token."""
    text = exactly(literal.encode()[:length])
    return text + (_BODY,) * (length - len(text))


def exactly(text: bytes) -> Sets:
    """Return the sets for exactly `text`."""
    return tuple(frozenset((byte,)) for byte in text)


_ELEMENT = re.compile(r"(?P<set>\w|-|\[[\w-]+\])(?:\{(?P<count>\d{1,3})\})?")


def sets_of(expression: str) -> Sets | None:
    """Return the sets for an expression of characters, classes and fixed counts; None for any other expression."""
    found: list[frozenset[int]] = []
    at = 0
    while at < len(expression):
        element = _ELEMENT.match(expression, at)
        if element is None:
            return None
        at = element.end()
        found += [_set_of(element["set"])] * int(element["count"] or 1)
    return tuple(found)


@cache
def _set_of(element: str) -> frozenset[int]:
    return frozenset(b"".join(re.findall(element.encode(), bytes(range(256)))))


def as_base64(text: Sets) -> Iterator[Sets]:
    """Yield the three base64 forms of `text`, one for each alignment to groups of three bytes, in both alphabets."""
    for skipped in range(3):
        places = [_ANY] * skipped + list(text)
        characters = [_character(places, at) for at in range(len(places) * 8 // 6)]
        first = next(i for i, each in enumerate(characters) if len(each) <= _MOST_DOUBT)
        yield tuple(characters[first:])


def _character(places: list[frozenset[int]], at: int) -> frozenset[int]:
    first, shift = divmod(at * 6, 8)
    following = places[first + 1] if first + 1 < len(places) else frozenset((0,))
    return _sextet(places[first], following, shift)


_CHARACTERS = tuple(frozenset((byte, _URL_SAFE.get(byte, byte))) for byte in _ALPHABET)
"""The characters for each sextet."""


@cache
def _sextet(place: frozenset[int], following: frozenset[int], shift: int) -> frozenset[int]:
    """Return the base64 characters for the six bits that start `shift` bits into `place`."""
    if len(place) == len(following) == 1:  # nearly always
        (left,), (right,) = place, following
        return _CHARACTERS[(left << 8 | right) >> (10 - shift) & 63]
    borrowed = shift - 2  # bits taken from the following byte, if positive
    if borrowed <= 0:
        indices = {byte >> -borrowed & 63 for byte in place}
    else:
        low = {byte >> (8 - borrowed) for byte in following}
        high = {byte << borrowed & 63 for byte in place}
        indices = {left | right for left in high for right in low}
    return frozenset[int]().union(*(_CHARACTERS[index] for index in indices))


def as_hex(text: Sets) -> Sets:
    """Return `text` as hexadecimal digits of either case."""
    return tuple(_digits(place, half) for place in text for half in (0, 1))


@cache
def _digits(place: frozenset[int], half: int) -> frozenset[int]:
    return frozenset(ord(digit) for byte in place for c in f"{byte:02x}"[half] for digit in (c, c.upper()))


def as_utf16(text: Sets, order: str) -> Sets:
    """Return `text` in UTF-16 with the byte order `order`, "little" or "big"."""
    zero = frozenset((0,))
    return tuple(each for place in text for each in ((place, zero) if order == "little" else (zero, place)))


def as_utf32(text: Sets, order: str) -> Sets:
    """Return `text` in UTF-32 with the byte order `order`, "little" or "big"."""
    zeros = (frozenset((0,)),) * 3
    return tuple(each for place in text for each in ((place, *zeros) if order == "little" else (*zeros, place)))


def expression(text: Sets) -> bytes:
    """Return the regular expression that matches `text`."""
    return b"".join(_place(each) for each in text)


@cache
def _place(allowed: frozenset[int]) -> bytes:
    if len(allowed) == 1:
        return b"\\x%02x" % next(iter(allowed))
    parts = []
    ordered = sorted(allowed)
    start = before = ordered[0]
    for byte in [*ordered[1:], 999]:
        if byte != before + 1:
            parts.append(b"\\x%02x" % start if start == before else b"\\x%02x-\\x%02x" % (start, before))
            start = byte
        before = byte
    return b"[" + b"".join(parts) + b"]"
