"""A piece of configuration text that still knows where each of its characters stands in the file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TypeAlias

SourcePosition: TypeAlias = tuple[int, int]
"""Line and column, both counted from 1, columns in characters."""

Segment: TypeAlias = tuple[int, int, int]
"""Offset in the text, then the line and column at which that offset stands."""

_LAST = 1 << 60


@dataclass(frozen=True)
class SpanText:
    """A value with its place.

    `where` is the dotted path to it (`jobs.publish.steps.3.run`). `segments` are in ascending order of offset and
    begin at offset 0; characters after a segment's offset stand on the same line, to its right.
    """

    value: str
    where: str
    segments: tuple[Segment, ...]

    def at(self, offset: int) -> SourcePosition:
        """The position of the character at `offset` of the value."""
        index = max(bisect_right(self.segments, (offset, _LAST, 0)) - 1, 0)
        start, line, column = self.segments[index]
        return line, column + max(offset - start, 0)

    @property
    def line(self) -> int:
        """The line of the first character."""
        return self.segments[0][1]

    @property
    def column(self) -> int:
        """The column of the first character."""
        return self.segments[0][2]


def plain(value: str, where: str = "", line: int = 1, column: int = 1) -> SpanText:
    """Text that stands in the file exactly as it is: first line at `column`, the lines after it at column 1."""
    segments = [(0, line, column)]
    offset = value.find("\n") + 1
    while offset:
        line += 1
        segments.append((offset, line, 1))
        offset = value.find("\n", offset) + 1
    return SpanText(value, where, tuple(segments))


def piece(whole: SpanText, start: int, end: int, where: str | None = None) -> SpanText:
    """The part of `whole` from `start` to `end`, at its own place."""
    line, column = whole.at(start)
    first = bisect_right(whole.segments, (start, _LAST, 0))
    last = bisect_left(whole.segments, (end, 0, 0), first)
    inner = [(offset - start, at, col) for offset, at, col in whole.segments[first:last]]
    return SpanText(whole.value[start:end], whole.where if where is None else where, ((0, line, column), *inner))
