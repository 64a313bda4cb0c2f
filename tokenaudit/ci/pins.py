"""Pins of the client that are too old to exchange a job's identity for a token."""

from __future__ import annotations

import re

PIN = re.compile(
    r"huggingface[_-]hub(?:\[[^\]]*\])?\s*['\"]?\s*(?P<spec>(?:(?:===?|~=|<=?|>=?|!=)\s*[\d.*]+\s*,?\s*)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(===?|~=|<=?)\s*([\d.]+)")
_FIRST = (1, 19)


def too_old(spec: str) -> bool:
    """Whether a specifier rules out every version from 1.19 on."""
    for operator, version in _PART.findall(spec):
        numbers = tuple(int(part) for part in version.split(".") if part)
        if operator == "~=" and len(numbers) == 2:  # noqa: PLR2004 - `~=1.10` allows every later 1.x
            numbers = (numbers[0] + 1, 0)
            operator = "<"  # noqa: PLW2901 - the same bound in other words
        if operator == "<" and numbers <= _FIRST:
            return True
        if operator != "<" and numbers[:2] < _FIRST:
            return True
    return False
