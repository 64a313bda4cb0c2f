"""Run git commands that access a server, with limits based on the data received.

A server can send one byte per minute, delay the client with progress messages, or send a small pack that takes hours to
unpack. git's own limit (`http.lowSpeedLimit`) covers only the first case, and only over HTTP.
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
from pathlib import Path
from typing import IO, NamedTuple, cast

from tokenaudit.git.command import MOST_OUTPUT, NETWORK_MEMORY, GitError, limit_memory

_TICK = 0.25
_TAIL_BYTES = 1 << 16
"""Bytes to retain from the end of git's messages, which contains the reason of a failure."""

_RESOLVING = b"Resolving deltas:"
"""Prefix of git's own message after it has received everything; messages of the server begin with `remote:`."""

_LEAST_FREE = 50
"""A transfer is stopped if less than this fraction (one fiftieth) of the disk is free."""


class TransferLimits(NamedTuple):
    """Limits of a transfer.

    A transfer ends after `silent` seconds without data from the server. It can take `setup` seconds plus one second per
    `bytes_a_second` bytes received, then `unpacking` seconds plus one second per `unpacked_a_second` bytes of packs.
    `memory` is in bytes, for each git process.
    """

    silent: float = 25.0
    setup: float = 60.0
    bytes_a_second: int = 64 << 10
    unpacking: float = 20.0
    unpacked_a_second: int = 1 << 20
    memory: int = NETWORK_MEMORY


LIMITS = TransferLimits()


class Transferred(NamedTuple):
    """Result of a transfer: git's exit code, its output and last messages, and the reason if it was stopped.

    `disk_full`: it was stopped because the disk is full.
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
    """Run git with `arguments`; `folder` is the repository that it writes to.

    `line` is called with each message of git and returns whether it is progress, which is not retained.

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
            start_new_session=True,  # git's helpers inherit the pipes: all of them are stopped together
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
    """Stop `process`, which was started in a new session, and all its children."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # all processes have ended
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


class _Watch:
    """Stops a transfer that exceeds `LIMITS`, and records the reason."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path | None) -> None:
        self.stopped = ""
        self.disk_full = False
        self.printed = 0
        """Bytes that git has printed, including messages."""
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
        """Record that all data have been received and git is unpacking."""
        if self._unpacking is None:
            self._unpacking = time.monotonic()

    def stop(self, why: str) -> None:
        """Stop the transfer."""
        self.stopped = self.stopped or why
        end(self._process)

    def close(self) -> None:
        """Stop watching."""
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
            return False  # git creates it, or reports an error
        return disk.free < disk.total // _LEAST_FREE


def _pack_bytes(folder: Path | None) -> int:
    """Return the bytes of the packs in the repository `folder`, including the one being written."""
    if folder is None:
        return 0
    size = 0
    try:
        with os.scandir(folder / "objects" / "pack") as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # renamed by git in the meantime
                    size += entry.stat(follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0  # not created yet
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
