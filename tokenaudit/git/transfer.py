"""A git process that talks to a server: what it can take depends on what the server has really sent.

A server can send a byte a minute, keep its client waiting with progress messages, or send a small pack that takes hours
to unpack. git's own limits (`http.lowSpeedLimit`) cover only the first of these, and only over HTTP.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tokenaudit.git.command import MOST_OUTPUT, NETWORK_MEMORY, GitError, limit_memory

_TICK = 0.25
_TAIL_BYTES = 1 << 16
"""Bytes of git's messages that are kept: the last ones, since they say why it failed."""

_RESOLVING = b"Resolving deltas:"
"""How git's own message begins, once it has everything; the server's begin with `remote:`."""

_LEAST_FREE = 50
"""A copy that leaves less than this part (one fiftieth) of its disk free is stopped."""


@dataclass(frozen=True)
class TransferLimits:
    """What a transfer can take.

    `silent` seconds without anything from the server end it. It can take `setup` seconds and one more for every
    `bytes_a_second` that arrived; then `unpacking` seconds and one more for every `unpacked_a_second` bytes that the
    copy has. `memory` is in bytes, for each of git's processes.
    """

    silent: float = 25.0
    setup: float = 60.0
    bytes_a_second: int = 64 << 10
    unpacking: float = 20.0
    unpacked_a_second: int = 1 << 20
    memory: int = NETWORK_MEMORY


LIMITS = TransferLimits()


@dataclass(frozen=True)
class Transferred:
    """How a transfer ended: git's exit code, its output and last messages, and why it was stopped if it was.

    `disk_full` says that it was stopped for want of room.
    """

    code: int
    output: bytes
    complaint: bytes
    stopped: str = ""
    disk_full: bool = False


def transfer(
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    cwd: Path | None = None,
    folder: Path | None = None,
    line: Callable[[bytes], bool] | None = None,
) -> Transferred:
    """Runs git with `arguments`; `folder` is the repository that it writes to.

    `line` is given each of git's messages as it comes, and says whether it is progress, which is not kept.

    Raises:
        GitError: git can't be started.
    """
    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=cwd,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # git's helpers hold the pipes too: all of them are ended together
        )
    except FileNotFoundError as error:
        message = "git is not installed or not on PATH"
        raise GitError(message) from error
    limit_memory(process, LIMITS.memory)
    watch = _Watch(process, folder)
    parts: list[bytes] = []
    output = threading.Thread(target=_collect, args=(process, watch, parts), daemon=True)
    output.start()
    try:
        complaint = _messages(cast("IO[bytes]", process.stderr), watch, line)
        output.join()
        code = process.wait()
    finally:
        watch.close()
        end(process)
    return Transferred(code, b"".join(parts), complaint, watch.stopped, watch.disk_full)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends `process`, started in a session of its own, and everything that it started."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # all of them have ended
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


class _Watch:
    """Ends a transfer that goes beyond `LIMITS`, and says why."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path | None) -> None:
        self.stopped = ""
        self.disk_full = False
        self.printed = 0
        """Bytes that git has printed, messages included."""
        self._process = process
        self._folder = folder
        self._before = _pack_bytes(folder)
        self._started = time.monotonic()
        self._last_data = self._started
        self._unpacking: float | None = None
        self._seen = (0, self._before)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def unpacks(self) -> None:
        """All that the server sends is there."""
        if self._unpacking is None:
            self._unpacking = time.monotonic()

    def stop(self, why: str) -> None:
        """Ends the transfer."""
        self.stopped = self.stopped or why
        end(self._process)

    def close(self) -> None:
        """Watches no longer."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(min(_TICK, LIMITS.silent)):
            why = self._exceeded(time.monotonic())
            if why:
                self.stop(why)
                return

    def _exceeded(self, now: float) -> str:
        stored = _pack_bytes(self._folder)
        if (self.printed, stored) != self._seen:
            self._seen, self._last_data = (self.printed, stored), now
        if self._is_full():
            self.disk_full = True
            return "the disk is nearly full"
        if self._unpacking is not None:
            most = LIMITS.unpacking + stored / LIMITS.unpacked_a_second
            return f"unpacking took more than {most:.0f} seconds" if now - self._unpacking > most else ""
        if now - self._last_data > LIMITS.silent:
            return f"the server sent nothing for {LIMITS.silent:.0f} seconds"
        received = max(0, stored - self._before) + (self.printed if self._folder is None else 0)
        most = LIMITS.setup + received / LIMITS.bytes_a_second
        if now - self._started > most:
            return f"the server sent {received:,} bytes in {most:.0f} seconds"
        return ""

    def _is_full(self) -> bool:
        if self._folder is None:
            return False
        try:
            disk = shutil.disk_usage(self._folder.parent)
        except OSError:
            return False  # git makes it, or says that it can't
        return disk.free < disk.total // _LEAST_FREE


def _pack_bytes(folder: Path | None) -> int:
    """Bytes of the packs in the repository `folder`, the one that is being written included."""
    if folder is None:
        return 0
    size = 0
    try:
        with os.scandir(folder / "objects" / "pack") as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # git renames it
                    size += entry.stat(follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0  # not there yet
    return size


def _collect(process: subprocess.Popen[bytes], watch: _Watch, parts: list[bytes]) -> None:
    with cast("IO[bytes]", process.stdout) as pipe:
        size = 0
        while part := pipe.read1(1 << 20) if hasattr(pipe, "read1") else pipe.read(1 << 20):
            size += len(part)
            if size > MOST_OUTPUT:
                watch.stop(f"response larger than {MOST_OUTPUT >> 20} MiB")
                return
            watch.printed += len(part)
            parts.append(part)


def _messages(pipe: IO[bytes], watch: _Watch, line: Callable[[bytes], bool] | None) -> bytes:
    tail = rest = b""
    with pipe:
        while chunk := pipe.read1(1 << 12) if hasattr(pipe, "read1") else pipe.read(1 << 12):
            watch.printed += len(chunk)
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            rest = rest[-_TAIL_BYTES:]
            for each in lines:
                if each.startswith(_RESOLVING):
                    watch.unpacks()
                if line is None or not line(each):
                    tail = (tail + each + b"\n")[-_TAIL_BYTES:]
    return tail + rest
