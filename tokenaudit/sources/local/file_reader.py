"""Lists a folder and reads its files: follows no links, never blocks, reads limited amounts at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from tokenaudit.file_access import descriptor_of_regular
from tokenaudit.interfaces import Scanner
from tokenaudit.windows import WINDOW, ReadWindow, position_after, windows, windows_with_evidence

_BLOCK = 512
_MOSTLY_HOLES = 16
_SMALL = 256 << 10
_PART = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Unreadable(Exception):  # noqa: N818 - a state of a file, not a program error
    """A file or folder that can't be read, and the reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


class SymbolicLink(NamedTuple):
    """A symbolic link and the text of its target."""

    path: str
    target: bytes


@dataclass
class Listing:
    """Contents of a folder: regular files, links, and entries that can't be listed or read."""

    files: list[str] = field(default_factory=list)
    links: list[SymbolicLink] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    """Folders below the root that contain a git repository (`.git` folders, bare repositories)."""


def list_files(root: str) -> Listing:
    """List everything below `root` except the `.git` folder at its top; only `root` if that is a file.

    If `root` is a link, it is followed: a file is then listed under its real path.
    """
    listing = Listing()
    if not os.path.isdir(root):
        if os.path.islink(root):
            _list_link(root, listing)
        if reason := _broken_link(root):
            listing.unreadable.append(Unreadable(root, reason))
        else:
            listing.files.append(os.path.realpath(root))
    folders = [root] if os.path.isdir(root) else []
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=_name, reverse=True)
        except OSError as error:
            listing.unreadable.append(Unreadable(folder, f"folder can't be listed: {why(error)}"))
            continue
        _list_folder(folder, inside, listing, folders, top=folder is root)
    return listing


def _broken_link(path: str) -> str | None:
    """Return why a link given as root can't be followed; None if it can, or is not a link."""
    if not os.path.islink(path):
        return None
    try:
        os.stat(path)
    except FileNotFoundError:
        return f"a link to {os.readlink(path)}, which does not exist"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link to itself"
        return f"a link to {os.readlink(path)}, which can't be read: {why(error)}"
    return None


def _list_folder(
    folder: str, inside: list[os.DirEntry[str]], listing: Listing, folders: list[str], *, top: bool
) -> None:
    names = {entry.name for entry in inside}
    repository = not top and {"HEAD", "objects", "refs"} <= names
    if repository:
        listing.repositories.append(folder)
    left_out = {".git"} if top else {"objects"} if repository else set()
    for entry in inside:
        if entry.is_file(follow_symlinks=False):
            listing.files.append(entry.path)
        elif entry.is_symlink():
            _list_link(entry.path, listing)
        elif entry.is_dir(follow_symlinks=False) and entry.name not in left_out:
            folders.append(entry.path)
        # The rest are sockets, pipes and devices: they store nothing and must not be opened.


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _list_link(path: str, listing: Listing) -> None:
    try:
        listing.links.append(SymbolicLink(path, os.fsencode(os.readlink(path))))
    except OSError as error:
        listing.unreadable.append(Unreadable(path, f"link can't be read: {why(error)}"))


def read_small(path: str) -> bytes | None:
    """Return the content of a small regular file, with as few system calls as possible; None for all others."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return None  # `read_windows` reports the reason
    try:
        data = os.read(descriptor, _SMALL)
        return data if len(data) < _SMALL else None
    except OSError:
        return None  # a folder, for example; `read_windows` reports it
    finally:
        os.close(descriptor)


def read_windows(path: str, scanner: Scanner | None = None) -> Iterator[ReadWindow]:
    """Yield the content of a regular file, in one window if it is small, else in overlapping ones.

    The holes of a sparse file are skipped. With `scanner`, the data of windows in which it finds nothing can be left
    out.

    Raises:
        Unreadable: the file can't be opened or read, or is no longer a regular file.
    """
    try:
        descriptor = descriptor_of_regular(path, follow=False)
    except OSError as error:
        raise Unreadable(path, f"can't be opened: {why(error)}") from None
    try:
        status = os.fstat(descriptor)
        if status.st_size > WINDOW and _is_sparse(status):
            yield from _stretches(descriptor, status, path)
        elif scanner is not None and (reach := _reach(scanner)) is not None and sys.platform != "win32":
            yield from windows_with_evidence(partial(os.pread, descriptor), scanner.may_contain, reach)
        else:
            # A read allocates a buffer of the requested size.
            most = max(status.st_size + 1, _SMALL)
            yield from windows(lambda size: os.read(descriptor, min(size, most)), back=partial(_back, descriptor))
    except OSError as error:
        raise Unreadable(path, f"can't be read: {why(error)}") from None
    finally:
        os.close(descriptor)


def _reach(scanner: Scanner) -> int | None:
    """Return the maximum bytes on one side of evidence that affect it; None if unknown."""
    prefilter = getattr(scanner, "prefilter", None)
    return None if prefilter is None or prefilter.everything else prefilter.reach


def _back(descriptor: int, size: int) -> None:
    os.lseek(descriptor, -size, os.SEEK_CUR)


def stream_windows(descriptor: int) -> Iterator[ReadWindow]:
    """Yield everything that can be read from a pipe, a terminal or another stream, in overlapping windows.

    Raises:
        Unreadable: reading fails.
    """
    try:
        for window in windows(lambda size: os.read(descriptor, min(size, _PART))):
            if window.data:
                yield window
    except OSError as error:
        raise Unreadable(str(descriptor), f"can't be read: {why(error)}") from None


def _is_sparse(status: os.stat_result) -> bool:
    return getattr(status, "st_blocks", status.st_size) * _BLOCK < status.st_size


def _stretches(descriptor: int, status: os.stat_result, path: str) -> Iterator[ReadWindow]:
    """Yield the windows of all data between holes. A hole counts as characters of its line."""
    if sys.platform == "win32":  # which tells no number of blocks either, so no file counts as sparse
        raise Unreadable(path, "sparse file")
    end, size = 0, status.st_size
    line = column = 1
    while True:
        try:
            begin = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # only a hole remains
            raise
        column += begin - end
        end = os.lseek(descriptor, begin, os.SEEK_HOLE)
        if end - begin == size and status.st_blocks * _BLOCK < size // _MOSTLY_HOLES:
            raise Unreadable(path, f"sparse file of {size:,} bytes on a file system that does not report holes")
        os.lseek(descriptor, begin, os.SEEK_SET)
        left = end - begin

        def read(most: int) -> bytes:
            nonlocal left
            data = os.read(descriptor, min(most, left))
            left -= len(data)
            return data

        def back(size: int) -> None:
            nonlocal left
            _back(descriptor, size)
            left += size

        window = ReadWindow(b"", line, column)
        for window in windows(read, line, column, back):
            yield window
        line, column = position_after(window.data, len(window.data), window.line, window.column)


def why(error: OSError) -> str:
    """Return the reason without the path, which is reported separately."""
    return (error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")).lower()
