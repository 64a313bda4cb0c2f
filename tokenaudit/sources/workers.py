"""Searching files with several processes: they tell only which files are worth a second look."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tokenaudit.sources.files import Unreadable, read_windows

if TYPE_CHECKING:
    from typing import TypeAlias

    from tokenaudit.detect.interface import Examiner
    from tokenaudit.sources.interface import Run

_PATIENCE = 0.04
"""Seconds of work alone before others are called in: that is about what they cost."""

_AT_ONCE = 64
"""Files taken at a time."""


@dataclass
class _Found:
    """What a look at some files brought. `paths` are worth a second look: for what they hold, or as unreadable."""

    paths: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0


def search(files: Sequence[str], run: Run) -> list[str]:
    """Those of `files` in which the examiner sees something, gives up on something, or which can't be read."""
    found = _Found()
    started = time.perf_counter()
    at = 0
    while at < len(files):
        if run.jobs > 1 and time.perf_counter() - started > _PATIENCE and _may_fork():
            return found.paths + _together(files, at, run)
        found_here = _look(files[at : at + _AT_ONCE], run.examiner)
        run.read(found_here.objects, found_here.bytes)
        found.paths += found_here.paths
        at += _AT_ONCE
    return found.paths


def _may_fork() -> bool:
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    return forks and not multiprocessing.current_process().daemon  # such processes may have no children


def _look(files: Sequence[str], examiner: Examiner) -> _Found:
    found = _Found()
    for path in files:
        try:
            for window in read_windows(path):
                found.bytes += len(window.data)
                if examiner.may_hold(window.data):
                    examined = examiner.examine(window.data, path)
                    if examined.detections or examined.skipped:
                        found.paths.append(path)
                        break
        except Unreadable:
            found.paths.append(path)  # the second look reports it
    found.objects = len(files)
    return found


class _Work:
    """Parts of a list of files, taken in turn by several processes. `taker` says who finished a part, 0 for nobody."""

    def __init__(self, files: Sequence[str], start: int) -> None:
        context = multiprocessing.get_context("fork")
        self._files = files[start:]
        parts = -(-len(self._files) // _AT_ONCE)
        self._turn = context.Value("q", 0)
        self.taker = context.Array("H", parts, lock=False)

    def part(self, number: int) -> Sequence[str]:
        return self._files[number * _AT_ONCE : (number + 1) * _AT_ONCE]

    def look(self, examiner: Examiner, name: int) -> Iterator[_Found]:
        """Takes and looks at parts until none are left."""
        while True:
            with self._turn.get_lock():
                number = self._turn.value
                self._turn.value += 1
            if number >= len(self.taker):
                return
            yield _look(self.part(number), examiner)
            self.taker[number] = name


def _together(files: Sequence[str], start: int, run: Run) -> list[str]:
    """The same with helpers. What a helper took that died on the way is looked at again."""
    work = _Work(files, start)
    helpers = [_helper(work, run.examiner, name) for name in range(2, run.jobs + 1)]
    paths = []
    lost = {0}
    try:
        for found in work.look(run.examiner, 1):
            run.read(found.objects, found.bytes)
            paths += found.paths
        for name, (receiver, _) in enumerate(helpers, 2):
            try:
                found = receiver.recv()
            except EOFError:
                lost.add(name)
                continue
            run.read(found.objects, found.bytes)
            paths += found.paths
    finally:
        for _, process in helpers:
            process.kill()
            process.join()
    for number, taker in enumerate(work.taker):
        if taker in lost:
            found = _look(work.part(number), run.examiner)
            run.read(found.objects, found.bytes)
            paths += found.paths
    return paths


if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    _Sender: TypeAlias = Connection[_Found, object]
    _Receiver: TypeAlias = Connection[object, _Found]


def _helper(work: _Work, examiner: Examiner, name: int) -> tuple[_Receiver, ForkProcess]:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_help, args=(work, examiner, name, sender), daemon=True)
    with warnings.catch_warnings():
        # A progress bar may run in a thread of ours; the helper touches nothing that thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    return receiver, process


def _help(work: _Work, examiner: Examiner, name: int, sender: _Sender) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted too, and ends its helpers
    total = _Found()
    for found in work.look(examiner, name):
        total.paths += found.paths
        total.objects += found.objects
        total.bytes += found.bytes
    sender.send(total)
