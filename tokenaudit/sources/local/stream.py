"""Standard input, a pipe or a terminal as a source that can be read once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import Unreadable, stream_windows, why
from tokenaudit.sources.local.git_locations import place
from tokenaudit.sources.local.pointers import without_content
from tokenaudit.windows import ReadWindow, examine_windows

STANDARD_INPUT = "-"
_STANDARD_INPUTS = frozenset({STANDARD_INPUT, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)


def is_standard_input(target: str) -> bool:
    """Return whether `target` is the standard input of this process."""
    return target in _STANDARD_INPUTS


def is_stream(target: str) -> bool:
    """Return whether `target` is neither a regular file nor a folder: standard input, a pipe, a socket, a device.

    A file that was deleted while open (`/dev/fd/N`) counts too: its content no longer has a path.
    """
    if is_standard_input(target):
        return True
    try:
        mode = Path(target).stat().st_mode
    except OSError:
        return False
    if stat.S_ISREG(mode):
        return not Path(os.path.realpath(target)).exists()
    return not stat.S_ISDIR(mode)


class StreamSource:
    """The content of the stream named by the user. Its locations have lines, but no path.

    Disks and endless devices such as `/dev/zero` are not read.
    """

    def __init__(self, target: str, *, required: bool = False) -> None:
        self.target = target
        self.kind = "standard-input" if is_standard_input(target) else "pipe"
        self.required = required
        self.absent: str | None = None

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        run.progress.start(f"reading {self.target}")
        size = 0
        stopped: list[Skipped] = []

        def read() -> Iterator[ReadWindow]:
            nonlocal size
            try:
                with self._opened() as descriptor:
                    for window in stream_windows(descriptor):
                        run.read(0, len(window.data) - window.overlap)
                        size += len(window.data)
                        yield window
            except Unreadable as error:
                stopped.append(Skipped(self.target, error.reason))

        examined = examine_windows(read(), run.scanner)
        yield from (Skipped(self.target, reason) for reason in examined.skipped)
        yield from without_content(self.target, [(self.target, each) for each in examined.pointers])
        for each in examined.detections:
            yield LocatedDetection(each, place(self.kind, self.target, each))
        if stopped:
            yield from stopped
            return
        run.read(1, 0)
        self.absent = None if size else "no content (the input is empty)"

    @contextmanager
    def _opened(self) -> Iterator[int]:
        if is_standard_input(self.target):
            yield 0
            return
        try:
            mode = Path(self.target).stat().st_mode
            if stat.S_ISSOCK(mode):
                raise Unreadable(self.target, "socket; pipe its content on stdin instead")
            descriptor = os.open(self.target, _FLAGS)
        except OSError as error:
            raise Unreadable(self.target, f"can't be opened: {why(error)}") from None
        try:
            if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not _ends(self.target, descriptor)):
                raise Unreadable(self.target, "device; copy its content to a file")
            yield descriptor
        finally:
            os.close(descriptor)


def _ends(path: str, descriptor: int) -> bool:
    return os.isatty(descriptor) or Path(path).samefile(os.devnull)
