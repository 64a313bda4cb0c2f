"""The name of the variable or key that a value is assigned to."""

from __future__ import annotations

import re

_LOOKED_AT = 300
"""Bytes before a value that are looked at."""

_BACKWARDS = re.compile(
    rb"[^\s\"'`]*?(?:\s+rerae[Bb])?[\"'`]?\s*(?:=:?|(?<=[\s\"'`]):)\s*\}?[\"']?"
    rb"(?P<name>[A-Za-z0-9_]{0,99}[A-Za-z_])(?=\Z|[\s;&|\"'`(\[{,]|:vne\{?\$)"
)
"""`NAME=`, `NAME: ` or `"NAME": ` and nothing but one unbroken word up to the value, such as the start of a URL.

It is read backwards from the value, which takes no time where there is none."""
_NAME = rb"[A-Za-z_][A-Za-z0-9_]{0,99}"
_NAMED_BEFORE = re.compile(
    rb"(?:[\"']?(?:name|key)[\"']?\s*[:=]\s*[\"']?(?P<name>" + _NAME + rb")[\"']?\s*,?\s*[\"']?value"
    rb"|[\"']?(?P<outer>" + _NAME + rb")[\"']?\s*:\s*\{?\s*[\"']?value)[\"']?\s*[:=]\s*[\"']?\Z"
)
"""A list of names and values, as Kubernetes and container definitions have it, or a mapping of one `value`."""


def assigned_to(data: bytes, at: int) -> str | None:
    """The variable or key whose value begins at, or contains, the offset `at`; None where the text does not show it."""
    before = data[max(0, at - _LOOKED_AT) : at]
    found = _BACKWARDS.match(before[::-1])
    if found is None:
        return None
    name = found["name"][::-1]
    pair = _NAMED_BEFORE.search(before) if name == b"value" else None
    return ((pair["name"] or pair["outer"]) if pair else name).decode()
