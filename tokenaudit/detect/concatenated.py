"""String literals put together again: adjacent, joined by an operator or by `join`, or continued on a new line."""

from __future__ import annotations

import re

_QUOTE = rb"\\{0,2}[\"'`]"
_BETWEEN = rb"[ \t\r\n+.,&<>|)(\\~]{0,80}(?:[fFbBrRuUL@$]{0,2})"
_JOINT = _QUOTE + _BETWEEN + _QUOTE
_CONTINUED = rb"\\\r?\n[ \t]{0,40}"
_ANY_JOINT = rb"(?:" + _JOINT + rb"|" + _CONTINUED + rb")"
WIDTH = 20 + 34 + 100
"""Bytes that `evidence` spans at most, for literals of up to 20 characters."""


def evidence(literal: str) -> bytes:
    """An expression for `literal` cut in two by a joint, or whole with a body that is cut."""
    text = literal.encode()
    cuts = [re.escape(text[:at]) + _ANY_JOINT + re.escape(text[at:]) for at in range(1, len(text))]
    whole = re.escape(text) + rb"[A-Za-z0-9]{0,33}" + _ANY_JOINT + rb"[A-Za-z0-9]"
    return b"(?:" + b"|".join((whole, *cuts)) + b")"


_JOINTS = re.compile(_ANY_JOINT)


def joined(data: bytes) -> tuple[bytes, list[int]]:
    """`data` with all joints taken out, and where each byte came from."""
    out = bytearray()
    origins: list[int] = []
    at = 0
    for found in _JOINTS.finditer(data):
        out += data[at : found.start()]
        origins += range(at, found.start())
        at = found.end()
    out += data[at:]
    origins += range(at, len(data) + 1)
    return bytes(out), origins
