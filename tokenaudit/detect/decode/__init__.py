"""Decoders: one file for each way in which bytes are wrapped in other bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tokenaudit.detect.limits import Budget
from tokenaudit.detect.literals import Hit


@dataclass(frozen=True)
class Decoded:
    """Bytes unwrapped from an outer piece, beginning at its offset `at`.

    `origin` maps an offset in `data` to the outer offset it came from, where there is such a thing; without it `data`
    is a text of its own, whose first line is number `line`. `ends` does the same for the end of a stretch of `data`,
    where that is not the origin of what follows. `covers` is the outer range that needs no other reading.
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
"""Unwraps what the hits, all of one reading, point at. Never raises for damaged data."""
