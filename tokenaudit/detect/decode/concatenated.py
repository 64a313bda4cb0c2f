"""String literals put together again: adjacent, joined by an operator or by `join`, or continued on a new line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokenaudit.detect.encodings import exactly
from tokenaudit.detect.literals import LiteralPattern, Rest, literal_pattern_for
from tokenaudit.detect.positions import Origins

_QUOTE = rb"\\{0,2}[\"'`]"
_BETWEEN = rb"[ \t\r\n+.,&<>|)(\\~]{0,30}(?:[fFbBrRuUL@$]{0,2})"
_JOINT = _QUOTE + _BETWEEN + _QUOTE
_CONTINUED = rb"\\\r?\n[ \t]{0,30}|=\r?\n|\r?\n[ \t](?=[A-Za-z0-9])"
"""A line continued: by a backslash, by the `=` of quoted-printable, or folded as in iCalendar, vCard and LDIF."""

_COLOR = rb"(?:\x1b\[[0-9;:]{0,16}[A-Za-z]){1,4}"
_ANY_JOINT = rb"(?:" + _JOINT + rb"|" + _CONTINUED + rb"|" + _COLOR + rb")"
_BEGINS = rb"(?=[\"'`\\=\r\n\x1b])"
"""What a joint begins with: looked for alone, texts are searched three times as fast."""

WIDTH = 20 + 34 + 100
"""Bytes that `evidence` spans at most, for literals of up to 20 characters."""


def evidence(literal: str, roots: Iterable[bytes] = ()) -> Iterator[tuple[bytes, LiteralPattern]]:
    """Expressions, each with its scout, for `literal` cut in two by a joint, or whole with a body that is cut.

    Only a short one is looked for when its first three characters are cut. `roots` are literals that are looked for
    anyway.
    """
    text = literal.encode()
    fixed = exactly(text)
    yield re.escape(text) + _BODY + _ANY_JOINT + rb"[A-Za-z0-9]", literal_pattern_for(fixed, _CUT_BODY, roots)
    for at in range(1 if len(text) == _SHORT else _SHORT, len(text)):
        left, right = fixed[:at], fixed[at:]
        literal_pattern = literal_pattern_for((*left, _QUOTES | {_BACKSLASH}), preferred=roots)
        if at == 1:
            literal_pattern = literal_pattern_for((_QUOTES, *right), Rest(rb"[A-Za-z0-9]", 1))
        yield re.escape(text[:at]) + _ANY_JOINT + re.escape(text[at:]), literal_pattern


_SHORT = 3
_BODY = rb"[A-Za-z0-9]{0,33}"
_CUT_BODY = Rest(_BODY + rb"[\"'`\\=\r\n\x1b]", 34)
_QUOTES, _BACKSLASH = frozenset(b"\"'`"), ord("\\")
_JOINTS = re.compile(_BEGINS + _ANY_JOINT)


def joined(data: bytes, start: int) -> tuple[bytes, Origins]:
    """`data` with all joints taken out, and where each byte came from, counted from `start`."""
    out = bytearray()
    origins = Origins(start)
    at = 0
    for found in _JOINTS.finditer(data):
        out += data[at : found.start()]
        at = found.end()
        origins.add(len(out), start + at)
    out += data[at:]
    return bytes(out), origins
