"""Stretches of offsets: whether one lies in any of them, and what they were before something was taken out."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable


class Ranges:
    """Half-open stretches, merged once so that asking is fast however many there are."""

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(stretches):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __contains__(self, offset: int) -> bool:
        index = bisect_right(self._starts, offset) - 1
        return index >= 0 and offset < self._ends[index]


class Origins:
    """Maps offsets of a text to those of the one it was made from, by the stretches that were kept."""

    def __init__(self, start: int = 0) -> None:
        self._new = array("q", [0])
        self._old = array("q", [start])

    def add(self, new: int, old: int) -> None:
        """From `new` on, offsets are those from `old` on. Stretches come in order."""
        if new == self._new[-1]:
            self._old[-1] = old
            return
        self._new.append(new)
        self._old.append(old)

    def __call__(self, offset: int) -> int:
        """The offset in the older text."""
        index = bisect_right(self._new, offset) - 1
        return self._old[index] + offset - self._new[index]
