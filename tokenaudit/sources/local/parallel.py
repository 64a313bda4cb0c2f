"""Searches files with several processes. Workers return only which files have detections: values are not sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tokenaudit.forking import MOST_PARTS, PartQueue, may_fork, received, shared_numbers, start_helpers, stop_helpers
from tokenaudit.interfaces import ScanResult
from tokenaudit.sources.local.file_reader import Unreadable, read_small, read_windows
from tokenaudit.windows import ReadWindow, examine_windows

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tokenaudit.interfaces import ScanContext, Scanner

_SERIAL_SECONDS = 0.04
"""Seconds of serial work before workers are started, which costs about as much."""

_AT_ONCE = 64
"""Files processed at a time."""

_FIRST = 2
"""The first number of a worker in `_Work.taker`; this process is 1."""


FileChecks: TypeAlias = "dict[str, ScanResult | None]"
"""Files with detections and their results; None if another process scanned the file, or if reading it failed."""


@dataclass
class _Found:
    looks: FileChecks = field(default_factory=dict)
    objects: int = 0
    bytes: int = 0


def search(files: Sequence[str], run: ScanContext) -> FileChecks:
    """Return those of `files` with detections, with incomplete scans, or that can't be read."""
    looks: FileChecks = {}
    started = time.perf_counter()
    for at in range(0, len(files), _AT_ONCE):
        if run.jobs > 1 and time.perf_counter() - started > _SERIAL_SECONDS and may_fork():
            return looks | _together(files, at, run)
        _take(_look(files[at : at + _AT_ONCE], run.scanner), looks, run)
    return looks


def _take(found: _Found, looks: FileChecks, run: ScanContext) -> None:
    run.read(found.objects, found.bytes)
    looks |= found.looks


def examine_file(path: str, scanner: Scanner) -> tuple[ScanResult, int]:
    """Return the scan result of a file, and the file's size.

    Raises:
        Unreadable: the file can't be opened or read.
    """
    small = read_small(path)
    if small and not scanner.may_contain(small):
        return ScanResult(), len(small)
    size = 0

    def counted() -> Iterator[ReadWindow]:
        nonlocal size
        for window in read_windows(path, scanner):
            size += window.size - window.overlap
            yield window

    return examine_windows(counted(), scanner, path), size


def _look(files: Sequence[str], scanner: Scanner) -> _Found:
    found = _Found(objects=len(files))
    for path in files:
        try:
            seen, size = examine_file(path, scanner)
        except Unreadable:
            found.looks[path] = None  # the second scan reports it
            continue
        found.bytes += size
        if seen.detections or seen.skipped or seen.pointers:
            found.looks[path] = seen
    return found


class _Work:
    """Parts of a list of files, shared by processes. `taker` is the process that finished a part, 0 for none."""

    def __init__(self, files: Sequence[str], start: int) -> None:
        self._files = files[start:]
        self._size = max(_AT_ONCE, -(-len(self._files) // MOST_PARTS))
        parts = -(-len(self._files) // self._size)
        self.queue = PartQueue(range(parts))
        self.taker = shared_numbers(parts)

    def part(self, number: int) -> Sequence[str]:
        return self._files[number * self._size : (number + 1) * self._size]

    def look(self, scanner: Scanner, name: int) -> Iterator[_Found]:
        """Take and scan parts until none are left."""
        for number in self.queue:
            yield _look(self.part(number), scanner)
            self.taker[number] = name


def _together(files: Sequence[str], start: int, run: ScanContext) -> FileChecks:
    """Search with workers. Files of a worker that died are scanned again."""
    work = _Work(files, start)
    helpers = start_helpers(run.jobs - 1, _help, work, run.scanner)
    looks: FileChecks = {}
    lost = {0}
    try:
        for found in work.look(run.scanner, 1):
            _take(found, looks, run)
        for name, (receiver, _) in enumerate(helpers, _FIRST):
            try:
                _take(received(receiver), looks, run)
            except EOFError:  # noqa: PERF203 - each worker can die separately
                lost.add(name)
    finally:
        work.queue.close()
        stop_helpers(helpers)
    for number, taker in enumerate(work.taker):
        if taker in lost:
            _take(_look(work.part(number), run.scanner), looks, run)
    return looks


def _help(sender: Connection[_Found, object], number: int, work: _Work, scanner: Scanner) -> None:
    total = _Found()
    for found in work.look(scanner, _FIRST + number):
        total.looks |= dict.fromkeys(found.looks)
        total.objects += found.objects
        total.bytes += found.bytes
    sender.send(total)
