"""Scans large data in overlapping windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from tokenaudit.interfaces import Detection, Pointer, Scanner, ScanResult

WINDOW = 64 << 20
"""Size of a window in bytes."""

OVERLAP = 1 << 20
"""Overlap of two windows in bytes."""

_PART = 1 << 20
"""Bytes to copy at a time."""


@dataclass(frozen=True)
class ReadWindow:
    """A part of larger data. `line` and `column` are those of its first byte, from 1."""

    data: bytes
    line: int = 1
    column: int = 1
    overlap: int = 0
    """Bytes at the beginning that overlap the previous window."""

    def placed(self, examined: ScanResult) -> ScanResult:
        """`examined` with the lines and columns of the whole."""
        if (self.line, self.column) == (1, 1):
            return examined
        examined = replace(examined, pointers=())  # part of a file is not a pointer
        return replace(
            examined,
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
        fresh = [each for each in (replace(each, repeats=0) for each in seen) if each not in self.listed]
        if self.is_cut:
            self.total += max(0, _number(seen) - again)
            return
        self.is_cut = _number(seen) > len(seen)
        self.total += max(0, _number(seen) - again) if self.is_cut else len(fresh)
        self.listed |= dict.fromkeys(fresh)

    def detections(self) -> Iterator[Detection]:
        *first, last = self.listed
        yield from first
        yield replace(last, repeats=max(0, self.total - len(self.listed)))


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


def _characters(text: bytes) -> int:
    return len(text) if text.isascii() else len(text.translate(None, _CONTINUATIONS))


_CONTINUATIONS = bytes(range(0x80, 0xC0))
