"""Decoders, one module per encoding or container format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit


class Decoded(NamedTuple):
    """Bytes decoded from outer data, starting at the outer offset `at`.

    `origin` maps an offset in `data` to the outer offset it was decoded from. If it is None, `data` is a separate text
    whose first line has the number `line`. `ends` maps the end of a range of `data`, if it differs from the origin of
    the next byte. `covers` is the outer range that no other decoder needs to read.
    """

    data: bytes
    via: tuple[str, ...]
    at: int
    origin: Callable[[int], int] | None = None
    member: str | None = None
    covers: tuple[int, int] | None = None
    line: int = 1
    ends: Callable[[int], int] | None = None


Decoder: TypeAlias = Callable[[bytes, Sequence[Hit], Budget], Iterator[Decoded]]
"""Decodes the data at the hits, which all have the same reading. Never raises for damaged data."""
