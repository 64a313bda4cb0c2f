"""Reads sources: one after the other, or those of several small targets side by side.

A large target uses all processors alone. Small ones are divided among this process and helpers, which are forked from
it. A helper returns what it has read of a target unless there is a credential in it: then this process reads the
target again, because values are never sent to other processes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from tokenaudit.errors import AuditError
from tokenaudit.forking import MOST_PARTS, PartQueue, may_fork, received, start_helpers, stop_helpers
from tokenaudit.interfaces import Finding, LocatedDetection, NullProgress, ScanContext, Source
from tokenaudit.model import Skipped, Target
from tokenaudit.web_pages import repository_page

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from typing import TypeAlias

_LOG = logging.getLogger(__name__)

_LEAST_TARGETS = 4
"""Small targets below which a helper is not worth its cost."""

_KEPT = ("absent", "files")
"""Attributes that sources set when they are read."""


@dataclass
class SourceResult:
    """What one source yielded, and what it read for that, in `objects` and `bytes`. `retry` is that of the context.

    `notes` are lines that its progress showed, `kept` the attributes that it set.
    """

    findings: list[Finding]
    target: Target
    objects: int
    bytes: int
    retry: bool = False
    notes: list[str] = field(default_factory=list)
    kept: dict[str, object] = field(default_factory=dict)


class _Notes(NullProgress):
    """Keeps the notes of a helper."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


if TYPE_CHECKING:
    _Answer: TypeAlias = tuple[int, list[SourceResult] | None]


def guarded(source: Source, run: ScanContext) -> Iterator[Finding]:
    """The findings of one source. An unexpected exception ends the source and is reported as skipped.

    Raises:
        AuditError: the user must fix the cause.
    """
    try:
        yield from source.findings(run)
    except (AuditError, GeneratorExit):
        raise
    except Exception as error:  # noqa: BLE001 - earlier findings and other sources are still reported
        detail = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
        yield Skipped(source.target, f"reading stopped at an internal error ({type(error).__name__}{detail})")


def context_of(run: ScanContext) -> ScanContext:
    """A context for one source of `run`."""
    return ScanContext(run.scanner, run.jobs, run.progress, run.exclusions)


def target_of(source: Source, share: ScanContext) -> Target:
    """The target of `source`, which was read with the context `share`."""
    objects, size = share.objects + share.relied[0], share.bytes + share.relied[1]
    _LOG.info("%s (%s): %s objects, %s bytes", source.target, source.kind, objects, size)
    return Target(
        source.target,
        source.kind,
        objects,
        size,
        followed=tuple(dict.fromkeys(share.followed)),
        head=share.head,
        web_page=share.web_page or repository_page(source.target),
    )


def read_side_by_side(
    sources: Sequence[Source], small: Collection[str], run: ScanContext
) -> Mapping[int, SourceResult]:
    """The results of the sources of `small` targets by their position in `sources`; empty if they are few."""
    groups = [
        list(numbers)
        for target, numbers in groupby(range(len(sources)), key=lambda number: sources[number].target)
        if target in small
    ]
    helpers = min(run.jobs, len(groups) // 2) - 1
    # The places that a pattern excludes are counted in this process.
    if len(groups) < _LEAST_TARGETS or helpers < 1 or run.exclusions.patterns or not may_fork():
        return {}
    prefilter = getattr(run.scanner, "prefilter", None)
    if prefilter is not None:
        prefilter.prepare()  # once, before processes are forked
    return _Division(sources, groups, run).read(helpers)


class _Division:
    """Groups of sources, one for each target, that are divided among processes."""

    def __init__(self, sources: Sequence[Source], groups: Sequence[Sequence[int]], run: ScanContext) -> None:
        self._sources = sources
        self._groups = groups
        self._run = run
        # The groups beyond the limit are read in this process at the end.
        self._queue = PartQueue(range(min(len(groups), MOST_PARTS)))
        self._found: dict[int, SourceResult] = {}
        self._refused: list[int] = []

    def read(self, helpers: int) -> Mapping[int, SourceResult]:
        running = start_helpers(helpers, _help, self)
        try:
            for number in self.taken():
                self._read_here(number)
                for receiver, _ in running:
                    self._receive(receiver, wait=False)
                # Now, while others read what is left.
                while self._refused:
                    self._read_here(self._refused.pop())
            for receiver, _ in running:
                self._receive(receiver, wait=True)
        finally:
            stop_helpers(running)
            self._queue.close()
        for number, group in enumerate(self._groups):
            if group[0] not in self._found:  # it has credentials, or its helper died
                self._read_here(number)
        return self._found

    def taken(self) -> Iterator[int]:
        """Take groups until none are left."""
        yield from self._queue

    def results(self, number: int, run: ScanContext, *, most: int | None = None) -> Iterator[tuple[int, SourceResult]]:
        """Read the sources of a group; with `most`, no more after so many credentials."""
        for place in self._groups[number]:
            source, share = self._sources[place], context_of(run)
            found: list[Finding] = []
            count = 0
            for finding in guarded(source, share):
                found.append(finding)
                count += isinstance(finding, LocatedDetection)
                if count == most:
                    break
            yield place, SourceResult(found, target_of(source, share), share.objects, share.bytes, share.retry)

    def _read_here(self, number: int) -> None:
        self._found.update(self.results(number, self._run))

    def _receive(self, receiver: Connection[object, _Answer], *, wait: bool) -> None:
        try:
            while wait or receiver.poll():
                number, results = received(receiver)
                if results is not None:
                    self._take(number, results)
                else:
                    self._refused.append(number)
        except EOFError:
            return  # it has finished, or died: what it has not sent is read here

    def _take(self, number: int, results: list[SourceResult]) -> None:
        progress = self._run.progress
        progress.start(results[0].target.target, sum(each.objects for each in results))
        for place, result in zip(self._groups[number], results, strict=True):
            progress.advance(result.objects, result.bytes)
            for note in result.notes:
                progress.note(note)
            for name, value in result.kept.items():
                if getattr(self._sources[place], name) != value:
                    setattr(self._sources[place], name, value)
            self._found[place] = result

    def answer(self, number: int) -> list[SourceResult] | None:
        """What a helper sends of a group; None if this process has to read it."""
        notes = _Notes()
        run = ScanContext(self._run.scanner, 1, notes)
        results: list[SourceResult] = []
        try:
            for place, result in self.results(number, run, most=1):
                if any(isinstance(finding, LocatedDetection) for finding in result.findings):
                    return None
                source = self._sources[place]
                result.kept = {name: getattr(source, name) for name in _KEPT if hasattr(source, name)}
                result.notes, notes.lines = notes.lines, []
                results.append(result)
        except AuditError:
            return None  # raised when the target is read again
        return results


def _help(sender: Connection[_Answer, object], _: int, division: _Division) -> None:
    for number in division.taken():
        sender.send((number, division.answer(number)))
    sender.close()
    os._exit(0)  # skip exit handlers and unflushed buffers inherited from the parent
