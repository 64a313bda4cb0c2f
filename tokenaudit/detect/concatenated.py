"""String literals put together again: adjacent, joined by an operator or by `join`, or continued on a new line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenaudit.detect.ranges import Origins

_QUOTE = rb"\\{0,2}[\"'`]"
_BETWEEN = rb"[ \t\r\n+.,&<>|)(\\~]{0,30}(?:[fFbBrRuUL@$]{0,2})"
_JOINT = _QUOTE + _BETWEEN + _QUOTE
_CONTINUED = rb"\\\r?\n[ \t]{0,30}"
_ANY_JOINT = rb"(?:" + _JOINT + rb"|" + _CONTINUED + rb")"
WIDTH = 20 + 34 + 100
"""Bytes that `evidence` spans at most, for literals of up to 20 characters."""


def evidence(literal: str) -> Iterator[tuple[bytes, bytes]]:
    """Expressions, each with its scout, for `literal` cut in two by a joint, or whole with a body that is cut.

    Only a short one is looked for when its first three characters are cut.
    """
    text = literal.encode()
    whole = re.escape(text) + rb"[A-Za-z0-9]{0,33}"
    yield whole + _ANY_JOINT + rb"[A-Za-z0-9]", whole + _ENDS
    for at in range(1 if len(text) == _SHORT else _SHORT, len(text)):
        left, right = re.escape(text[:at]), re.escape(text[at:])
        yield left + _ANY_JOINT + right, left + _ENDS if at > 1 else _BEGINS + right + rb"[A-Za-z0-9]"


_SHORT = 3
_ENDS, _BEGINS = rb"[\"'`\\]", rb"[\"'`]"
_JOINTS = re.compile(_ANY_JOINT)


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
