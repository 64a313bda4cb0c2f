"""Requests objects from a running `git cat-file`, with limits on time and memory."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, cast

from tokenaudit.git.command import SECONDS, Drain, Watchdog, allowance, feed, reason, start
from tokenaudit.git.objects import GitObject, ObjectType, Unread, is_large, too_large
from tokenaudit.windows import ReadWindow, windows

if sys.platform == "linux":
    import fcntl

FIELDS = 3
"""Fields in git's header of an object: id, type, size."""

_LONGEST_LINE = 1 << 16
_UNOPENED = re.compile(rb"error: (?:unable to open|cannot open|could not open|packfile \S+ cannot be)")
_SET_PIPE_SIZE = 1031
"""`F_SETPIPE_SZ` of fcntl(2), which the standard library defines from Python 3.10 on, and only on Linux."""

_PIPE_SIZE = 1 << 20


class ListedObject(NamedTuple):
    """An object in the repository. `size` is the size of its content in bytes."""

    id: str
    type: str
    size: int


STALL_SECONDS = 8.0
"""Maximum seconds to wait for the next part of an object, in a small repository."""

MOST_STALLS = 2
"""Number of times git is stopped for a timeout before no more objects are requested."""


class Batch:
    """A running `git cat-file` process to request objects from. Use as a context manager."""

    def __init__(self, git_dir: Path, options: Sequence[str], *, stdin: bool = False) -> None:
        self._process = start(
            ["cat-file", *options], git_dir=git_dir, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL
        )
        extra = allowance(git_dir).seconds - SECONDS
        self.watchdog = Watchdog(self._process, STALL_SECONDS + extra)
        self._drained = Drain(cast("IO[bytes]", self._process.stderr))
        self._out = cast("IO[bytes]", self._process.stdout)
        _widen(self._out)

    def __enter__(self) -> Batch:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop git, even while it is writing output."""
        self._process.kill()
        self._process.wait()
        self.watchdog.close()
        self._drained.text()
        for pipe in (self._out, self._process.stdin):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    @property
    def is_running(self) -> bool:
        """Return whether git is running."""
        return self._process.poll() is None

    def feed(self, ids: Iterable[str]) -> None:
        """Request all of `ids`, in the background."""
        lines = (f"{name}\n".encode() for name in ids)
        threading.Thread(target=feed, args=(self._process.stdin, lines), daemon=True).start()

    def ask(self, name: str) -> None:
        """Request one object."""
        pipe = cast("IO[bytes]", self._process.stdin)
        with self.watchdog.waiting():
            pipe.write(name.encode("utf-8", "surrogateescape") + b"\n")
            pipe.flush()

    def line(self) -> bytes:
        """Return the next line of the response."""
        with self.watchdog.waiting():
            return self._out.readline(_LONGEST_LINE)

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes of the response.

        Raises:
            EOFError: git exited first.
        """
        with self.watchdog.waiting():
            data = self._out.read(size)
        if len(data) != size:
            raise EOFError
        return data

    def head(self, name: str) -> ListedObject | Unread:
        """Return type and size of the object whose content follows, or the reason if there is none.

        Raises:
            EOFError: git exited first.
        """
        header = self.line()
        if not header.endswith(b"\n"):
            raise EOFError
        fields = header.split()
        if len(fields) != FIELDS or not fields[2].isdigit():
            return Unread(name, "the object is missing" if fields[-1:] == [b"missing"] else "the object can't be read")
        return ListedObject(fields[0].decode("ascii", "replace"), fields[1].decode("ascii", "replace"), int(fields[2]))

    def end(self) -> str | None:
        """Wait for git to exit; return the reason if it failed, otherwise None."""
        with self.watchdog.waiting():
            code = self._process.wait()
        if self.watchdog.has_ended:
            return self.watchdog.explain()
        return reason(self._drained.text(), code) if code else None

    def unopened(self) -> list[str]:
        """Return the folders and packs that git could not open, after its end: it leaves them out and exits with 0."""
        lines = self._drained.text().splitlines()
        return [reason(line, 0) for line in dict.fromkeys(lines) if _UNOPENED.match(line)]


def _widen(pipe: IO[bytes]) -> None:
    """Increase the buffer of a pipe (Linux only), for fewer context switches."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), _SET_PIPE_SIZE, _PIPE_SIZE)


class ObjectReader:
    """Reads single objects with one long-lived git process. Use as a context manager."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._batch: Batch | None = None
        self._opened: ObjectStream | None = None
        self._stalls = 0

    def __enter__(self) -> ObjectReader:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, name: str) -> GitObject | Unread:
        """Return the object `name`, an id or any revision without a newline; `Unread` if it is `objects.is_large`."""
        opened = self.open(name)
        if isinstance(opened, Unread):
            return opened
        if is_large(opened.size):
            return too_large(name)
        try:
            return GitObject(opened.id, cast("ObjectType", opened.type), opened.read(opened.size))
        except EOFError:
            return Unread(name, self._failure())

    def open(self, name: str) -> ObjectStream | Unread:
        """Open the object `name`, of any size; it must be read before the next request."""
        if self._stalls >= MOST_STALLS:
            return Unread(name, "git was stopped while reading earlier objects", is_final=True)
        try:
            if self._opened is not None and not self._opened.is_done:
                self._stop()  # discard the rest of the output
            if self._batch is None or not self._batch.is_running:
                self._stop()
                self._batch = Batch(self._git_dir, ["--batch"], stdin=True)
            self._batch.ask(name)
            head = self._batch.head(name)
        except (OSError, EOFError):
            return Unread(name, self._failure())
        if isinstance(head, Unread):
            return head
        try:
            self._opened = ObjectStream(head.id, head.type, head.size, self._batch)
        except EOFError:
            return Unread(name, self._failure())
        return self._opened

    def windows(self, opened: ObjectStream) -> Iterator[ReadWindow]:
        """Yield the content of an object returned by `open`, in windows.

        Raises:
            UnreadableObjectError: git exited before all was read.
        """
        try:
            yield from windows(opened.read_some)
        except EOFError:
            raise UnreadableObjectError(self._failure()) from None

    def _failure(self) -> str:
        """Return the reason why git exited; git is restarted for the next object."""
        batch = self._batch
        failure = batch.end() if batch is not None else None
        if batch is not None and batch.watchdog.has_ended:
            self._stalls += 1
        self._stop()
        return failure if failure and failure.startswith("git was stopped") else "the object is corrupt"

    def _stop(self) -> None:
        batch, self._batch, self._opened = self._batch, None, None
        if batch is not None:
            batch.close()


class UnreadableObjectError(Exception):
    """An object could not be read to its end; `str()` is the reason."""


class ObjectStream:
    """An object whose content follows in git's output. `size` is in bytes.

    Raises:
        EOFError: git exited first.
    """

    def __init__(self, name: str, kind: str, size: int, batch: Batch) -> None:
        self.id = name
        self.type = kind
        self.size = size
        self._batch = batch
        self._left = size
        if not size:
            self._batch.read(1)

    @property
    def is_done(self) -> bool:
        """Return whether the whole object has been read."""
        return not self._left

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes; after the last byte, also read the newline that git writes after an object.

        Raises:
            EOFError: git exited first.
        """
        if not size:
            return b""
        data = self._batch.read(size)
        self._left -= size
        if not self._left:
            self._batch.read(1)
        return data

    def read_some(self, size: int) -> bytes:
        """Return up to `size` bytes; empty at the end."""
        most = min(size, self._left)
        return self.read(most) if most else b""
