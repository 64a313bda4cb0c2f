"""Opens untrusted files without blocking or exhausting memory.

A scanned folder can contain a named pipe without a writer, a link to a device, or a sparse file of a terabyte. The
type and size of a file are checked before and after opening, and opening never blocks. Scanned files are opened with
`open_regular` or `read_regular`, files given as arguments with `read_argument`.
All errors are `OSError` with a descriptive `strerror`.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LARGEST = 512 << 20
"""Maximum number of bytes of a file that are read into memory."""

NO_WRITER_SECONDS = 10
"""Timeout for a writer to open a named pipe given as an argument."""

SILENT_WRITER_SECONDS = 60
"""Timeout for the writer of a pipe given as an argument to write data."""

_CHUNK = 1 << 20
_RETRY_SECONDS = 0.05
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}


class NotRegularError(OSError):
    """The file is not a regular file."""


class TooLargeError(OSError):
    """A file exceeds the size limit for reading into memory."""


def kind(mode: int) -> str:
    """The file type in `st_mode` as a phrase such as `a named pipe`."""
    return _KINDS.get(stat.S_IFMT(mode), "a regular file" if stat.S_ISREG(mode) else "a special file")


def descriptor_of_regular(path: str | os.PathLike[str], *, follow: bool = True) -> int:
    """Opens a file descriptor for reading; the caller closes it. Symbolic links are rejected unless `follow`.

    Raises:
        NotRegularError: it is a folder, pipe, socket, device or link.
        OSError: it can't be opened.
    """
    # Checked before opening because opening has side effects: it unblocks the writer of a pipe or activates a device.
    status = Path(path).stat() if follow else Path(path).lstat()
    _check(status, path)
    descriptor = os.open(path, _FLAGS if follow else _FLAGS | _NO_FOLLOW)
    try:
        _check(os.fstat(descriptor), path)  # the file can be replaced between the check and opening
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(errno.EINVAL, f"{kind(status.st_mode)}, not a regular file", os.fspath(path))


def open_regular(path: str | os.PathLike[str], *, follow: bool = True) -> BinaryIO:
    """Opens a regular file for reading bytes. Symbolic links are rejected unless `follow`.

    Raises:
        NotRegularError: it is a folder, pipe, socket, device or link.
        OSError: it can't be opened.
    """
    return os.fdopen(descriptor_of_regular(path, follow=follow), "rb")


def read_regular(path: str | os.PathLike[str], most: int = LARGEST, *, follow: bool = True) -> bytes:
    """Reads all bytes of a regular file, without relying on its reported size.

    Raises:
        NotRegularError: it is a folder, pipe, socket, device or link.
        TooLargeError: it has more than `most` bytes.
        OSError: it can't be opened or read.
    """
    descriptor = descriptor_of_regular(path, follow=follow)
    try:
        size = os.fstat(descriptor).st_size
        if size > most:
            raise _too_large(path, most)
        parts: list[bytes] = []
        left = most + 1
        while left > 0 and (part := os.read(descriptor, min(left, max(size + 1, _CHUNK)))):
            parts.append(part)
            left -= len(part)
            if len(part) == size and len(parts) == 1:
                break
        if left <= 0:
            raise _too_large(path, most)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(descriptor)


def read_argument(path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """Reads all bytes of a file argument: a regular file, or a pipe such as `/dev/stdin` or a shell's `<(…)`.

    Raises:
        TimeoutError: it is a pipe without a writer.
        TooLargeError: it has more than `most` bytes.
        OSError: it can't be opened or read.
    """
    if _is_plain(path):
        return read_regular(path, most)
    parts: list[bytes] = []
    left = most
    for part in stream_argument(path):
        left -= len(part)
        if left < 0:
            raise _too_large(path, most)
        parts.append(part)
    return b"".join(parts)


def stream_argument(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Reads a file argument of any size piece by piece: a regular file, or a pipe as for `read_argument`.

    The iterator raises:
        NotRegularError: it is a folder, socket or block device.
        TimeoutError: it is a pipe without a writer.
        OSError: it can't be opened or read.
    """
    if _is_plain(path):
        with open_regular(path) as file:
            while part := file.read(_CHUNK):
                yield part
        return
    mode = Path(path).stat().st_mode
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        _check(Path(path).stat(), path)
    descriptor = os.open(path, _FLAGS)
    try:
        yield from _pipe(descriptor, path)
    finally:
        os.close(descriptor)


def _is_plain(path: str | os.PathLike[str]) -> bool:
    mode = Path(path).stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or not hasattr(select, "poll")


def open_pipe_for_writing(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a named pipe, device or terminal given as an output.

    Raises:
        TimeoutError: it is a named pipe without a reader.
        OSError: it can't be opened.
    """
    until = time.monotonic() + NO_WRITER_SECONDS
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        except OSError as error:  # noqa: PERF203 - each attempt can fail
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(Path(path).stat().st_mode):
                raise
            if time.monotonic() > until:
                message = f"not opened for reading within {NO_WRITER_SECONDS} seconds"
                raise TimeoutError(errno.ETIMEDOUT, message, os.fspath(path)) from None
            time.sleep(_RETRY_SECONDS)
        else:
            if sys.platform != "win32":
                os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "wb")


def _pipe(descriptor: int, path: str | os.PathLike[str]) -> Iterator[bytes]:
    if sys.platform == "win32":  # every argument counts as plain there
        raise NotRegularError(errno.EINVAL, "a pipe, not a regular file", os.fspath(path))
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    begun = False
    heard = time.monotonic()
    while True:
        ready = poll.poll(NO_WRITER_SECONDS * 1000)
        try:
            part = os.read(descriptor, _CHUNK)
        except BlockingIOError:  # it is open for writing
            if time.monotonic() - heard >= SILENT_WRITER_SECONDS:
                message = f"no data for {SILENT_WRITER_SECONDS} seconds"
                raise TimeoutError(errno.ETIMEDOUT, message, os.fspath(path)) from None
            continue
        if not part:
            if ready or begun:
                return
            message = f"not opened for writing within {NO_WRITER_SECONDS} seconds"
            raise TimeoutError(errno.ETIMEDOUT, message, os.fspath(path))
        begun = True
        yield part
        heard = time.monotonic()


def _too_large(path: str | os.PathLike[str], most: int) -> TooLargeError:
    return TooLargeError(errno.EFBIG, f"larger than {most >> 20:,} MiB", os.fspath(path))
