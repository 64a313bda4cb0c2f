"""Scans large data in overlapping windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from tokenaudit.interfaces import Detection, Pointer, Scanner, ScanResult

WINDOW = 64 << 20
"""Size of a window in bytes."""

OVERLAP = 1 << 20
"""Overlap of two windows in bytes."""

_PART = 1 << 20
"""Bytes to copy at a time."""

_PIECE = 256 << 10
"""Bytes to search at a time: they fit into the cache of a processor, and memory for them is used again."""

_BORDERS = 4
"""Overlap of two pieces in multiples of what can affect a match on one side."""


class ReadWindow(NamedTuple):
    """A part of larger data. `line` and `column` are those of its first byte, from 1."""

    data: bytes
    line: int = 1
    column: int = 1
    overlap: int = 0
    """Bytes at the beginning that overlap the previous window."""
    left_out: int = 0
    """Bytes that are not in `data`, because nothing can be found in them."""

    @property
    def size(self) -> int:
        """Size in bytes, with what was left out."""
        return len(self.data) + self.left_out

    def placed(self, examined: ScanResult) -> ScanResult:
        """`examined` with the lines and columns of the whole."""
        if (self.line, self.column) == (1, 1):
            return examined
        examined = examined._replace(pointers=())  # part of a file is not a pointer
        return examined._replace(
            detections=tuple(
                replace(
                    each,
                    line=self._line(each.line),
                    column=self._column(each.line, each.column),
                    end_line=self._line(each.end_line),
                    end_column=self._column(each.end_line, each.end_column),
                )
                if each.member is None
                else each
                for each in examined.detections
            ),
        )

    def _line(self, line: int | None) -> int | None:
        return None if line is None else line + self.line - 1

    def _column(self, line: int | None, column: int | None) -> int | None:
        return column + self.column - 1 if line == 1 and column is not None else column


def windows(
    read: Callable[[int], bytes], line: int = 1, column: int = 1, back: Callable[[int], object] | None = None
) -> Iterator[ReadWindow]:
    """All data of `read`, which is called with a number of bytes and can return fewer, but none only at the end.

    `line` and `column` are those of the first byte. There is always one window, also for empty data. `back` goes back a
    number of bytes: reading the overlap once more is faster than copying the window together, and takes less memory.
    """
    data = _filled(read, WINDOW)
    overlap = 0
    while True:
        yield ReadWindow(data, line, column, overlap)
        if len(data) < WINDOW:
            return
        passed, overlap = len(data) - OVERLAP, OVERLAP
        line, column = position_after(data, passed, line, column)
        if back is not None:
            back(OVERLAP)
            data = _filled(read, WINDOW)
            if len(data) <= OVERLAP:
                return
            continue
        rest = _filled(read, passed)
        if not rest:
            return
        data = data[passed:] + rest


def windows_with_evidence(
    read: Callable[[int, int], bytes], may_contain: Callable[[bytes], bool], reach: int
) -> Iterator[ReadWindow]:
    """The same as `windows`, but the data of windows in which `may_contain` finds nothing are left out.

    `read` takes a number of bytes and an offset, and can return fewer, but none only at the end. Bytes more than
    `reach` away from evidence don't affect it, so the windows are searched in pieces: reading a whole one into memory
    takes longer than searching it.
    """
    head = _filled_at(read, min(_PIECE, WINDOW), 0)
    if len(head) < min(_PIECE, WINDOW):
        yield ReadWindow(head)
        return
    start, overlap = 0, 0
    position = (1, 1)
    while True:
        clean = _without_evidence(read, may_contain, reach, start, position)
        if clean is None:
            window = ReadWindow(_filled_at(read, WINDOW, start), *position, overlap)
            position = position_after(window.data, WINDOW - OVERLAP, *position)
        else:
            window = ReadWindow(b"", *position, overlap, left_out=clean[0])
            position = clean[1]
        if overlap and window.size <= overlap:
            return
        yield window
        if window.size < WINDOW:
            return
        start, overlap = start + WINDOW - OVERLAP, OVERLAP


def _without_evidence(
    read: Callable[[int, int], bytes],
    may_contain: Callable[[bytes], bool],
    reach: int,
    start: int,
    position: tuple[int, int],
) -> tuple[int, tuple[int, int]] | None:
    """Search the window from `start` at `position`: its size and the position of the next one; None with evidence."""
    at = 0
    while True:
        most = min(_PIECE, WINDOW - at)
        piece = _filled_at(read, most, start + at)
        if may_contain(piece):
            return None
        is_last = len(piece) < most or at + most == WINDOW
        step = len(piece) if is_last else most - _BORDERS * reach
        passed = min(step, WINDOW - OVERLAP - at)
        if passed > 0:
            position = position_after(piece, passed, *position)
        at += step
        if is_last:
            return at, position


def position_after(data: bytes, passed: int, line: int, column: int) -> tuple[int, int]:
    """The line and column of `data[passed]`, given those of `data[0]`."""
    begins = data.rfind(b"\n", 0, passed) + 1
    if begins:
        line, column = line + data.count(b"\n", 0, begins), 1
    return line, column + sum(_characters(data[at : min(at + _PART, passed)]) for at in range(begins, passed, _PART))


def examine_windows(
    parts: Iterable[ReadWindow], scanner: Scanner, name: str = "", *, has_evidence: bool = False
) -> ScanResult:
    """What the scanner finds in any of the windows, each finding once, with positions in the whole data.

    Of a value that a window contains too often to be listed, the further positions of all windows are counted together.
    With `has_evidence` the caller knows that the scanner can find something, and no window is left out.
    """
    matches: dict[_Key, _Matches] = {}
    skipped: dict[str, None] = {}
    pointers: tuple[Pointer, ...] = ()
    for window in parts:
        if not has_evidence and not scanner.may_contain(window.data):
            continue
        examined = window.placed(scanner.scan(window.data, name))
        skipped |= dict.fromkeys(examined.skipped)
        pointers += examined.pointers
        found = _by_value(examined.detections)
        again: Counter[_Key] = Counter()
        if window.overlap and any(_is_cut(key, seen, matches) for key, seen in found.items()):
            before = _by_value(scanner.scan(window.data[: window.overlap], name).detections)
            again.update({key: _number(seen) for key, seen in before.items()})
        for key, seen in found.items():
            matches.setdefault(key, _Matches()).add(seen, again[key])
    return ScanResult(
        tuple(dict.fromkeys(each for found in matches.values() for each in found.detections())),
        tuple(skipped),
        pointers,
    )


_Key: TypeAlias = "tuple[str, tuple[str, ...], str | None]"


@dataclass
class _Matches:
    """The matches of one value in one encoding: those that are listed, and how many there are in all."""

    listed: dict[Detection, None] = field(default_factory=dict)
    total: int = 0
    is_cut: bool = False

    def add(self, seen: Sequence[Detection], again: int) -> None:
        """Adds those of one window, after `again` from the previous window."""
        fresh = [each for each in map(_alone, seen) if each not in self.listed]
        if self.is_cut:
            self.total += max(0, _number(seen) - again)
            return
        self.is_cut = _number(seen) > len(seen)
        self.total += max(0, _number(seen) - again) if self.is_cut else len(fresh)
        self.listed |= dict.fromkeys(fresh)

    def detections(self) -> Iterator[Detection]:
        *first, last = self.listed
        yield from first
        repeats = max(0, self.total - len(self.listed))
        yield replace(last, repeats=repeats) if repeats else last


def _alone(detection: Detection) -> Detection:
    return replace(detection, repeats=0) if detection.repeats else detection


def _by_value(detections: Iterable[Detection]) -> dict[_Key, list[Detection]]:
    found: dict[_Key, list[Detection]] = {}
    for each in detections:
        found.setdefault((each.secret.fingerprint, each.via, each.member), []).append(each)
    return found


def _is_cut(key: _Key, seen: Sequence[Detection], matches: Mapping[_Key, _Matches]) -> bool:
    return _number(seen) > len(seen) or (key in matches and matches[key].is_cut)


def _number(seen: Iterable[Detection]) -> int:
    return sum(1 + each.repeats for each in seen)


def _filled(read: Callable[[int], bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _filled_at(read: Callable[[int, int], bytes], size: int, offset: int) -> bytes:
    end = offset + size

    def further(most: int) -> bytes:
        return read(most, end - most)

    return _filled(further, size)


def _characters(text: bytes) -> int:
    return len(text) if text.isascii() else len(text.translate(None, _CONTINUATIONS))


_CONTINUATIONS = bytes(range(0x80, 0xC0))
