"""Walking a folder and reading its files: never following, never blocking, never too much at once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tokenaudit.interfaces import ScanResult

WINDOW = 64 << 20
"""Bytes of a file that are looked at together."""

_OVERLAP = 1 << 20
_SMALL = 256 << 10
_PART = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Unreadable(Exception):  # noqa: N818 - a state of a file, not a mistake of the program
    """A file or folder that can't be read, and why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class SymbolicLink:
    """A symbolic link and the text of its target."""

    path: str
    target: bytes


@dataclass
class Listing:
    """What a folder holds: regular files, links, and what can't be listed or looked into."""

    files: list[str] = field(default_factory=list)
    links: list[SymbolicLink] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    """Folders below the root in which git keeps a repository of its own (`.git` folders, bare repositories)."""


def list_files(root: str) -> Listing:
    """Everything below `root` but the `.git` folder at its top; just `root` if that is a file.

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
    """Why a link that was named can't be followed; None where it can, or is no link."""
    if not os.path.islink(path):
        return None
    try:
        os.stat(path)
    except FileNotFoundError:
        return f"a link to {os.readlink(path)}, which does not exist"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
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
        # what remains are sockets, pipes and devices: they hold nothing and must not be opened


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _list_link(path: str, listing: Listing) -> None:
    try:
        listing.links.append(SymbolicLink(path, os.fsencode(os.readlink(path))))
    except OSError as error:
        listing.unreadable.append(Unreadable(path, f"link can't be read: {why(error)}"))


@dataclass(frozen=True)
class ReadWindow:
    """A stretch of a file. `line` and `column` are those of its first byte, from 1."""

    data: bytes
    line: int = 1
    column: int = 1
    overlap: int = 0
    """Bytes at the beginning that the window before has shown already."""

    def placed(self, examined: ScanResult) -> ScanResult:
        """`examined` with the lines and columns of the whole file."""
        if (self.line, self.column) == (1, 1):
            return examined
        examined = replace(examined, pointers=())  # a part of a file is no pointer
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


def read_small(path: str) -> bytes | None:
    """The content of a regular file that is not large, in as few calls as possible; None for all others."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return None  # `read_windows` tells why
    try:
        data = os.read(descriptor, _SMALL)
        return data if len(data) < _SMALL else None
    except OSError:
        return None  # a folder, say; `read_windows` tells
    finally:
        os.close(descriptor)


def read_windows(path: str) -> Iterator[ReadWindow]:
    """The content of a regular file, in one window if it is not large, else in overlapping ones.

    Raises:
        Unreadable: the file can't be opened or read, or is no regular file any more.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise Unreadable(path, f"can't be opened: {why(error)}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(path, "is no regular file")
        data = os.read(descriptor, min(status.st_size, WINDOW) + 1)
        if len(data) == status.st_size:
            yield ReadWindow(data)
            return
        yield from _windows(descriptor)
    except OSError as error:
        raise Unreadable(path, f"can't be read: {why(error)}") from None
    finally:
        os.close(descriptor)


def stream_windows(descriptor: int) -> Iterator[ReadWindow]:
    """Everything that can be read from a pipe, a terminal or another stream, in overlapping windows.

    Raises:
        Unreadable: reading fails.
    """
    data = b""
    line = column = 1
    overlap = 0
    while True:
        more = _filled(descriptor, WINDOW - len(data))
        data += more
        if more:
            yield ReadWindow(data, line, column, overlap)
        if len(data) < WINDOW:
            return
        passed = len(data) - _OVERLAP
        line, column = _moved(data, passed, line, column)
        data, overlap = data[passed:], _OVERLAP


def _filled(descriptor: int, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the stream."""
    parts = []
    try:
        while size > 0 and (part := os.read(descriptor, min(size, _PART))):
            parts.append(part)
            size -= len(part)
    except OSError as error:
        raise Unreadable(str(descriptor), f"can't be read: {why(error)}") from None
    return b"".join(parts)


def _moved(data: bytes, passed: int, line: int, column: int) -> tuple[int, int]:
    """The line and column of `data[passed]`, where `data` begins at `line` and `column`."""
    begins = data.rfind(b"\n", 0, passed) + 1
    if begins:
        line, column = line + data.count(b"\n", 0, begins), 1
    return line, column + _characters(data[begins:passed])


def _windows(descriptor: int) -> Iterator[ReadWindow]:
    """Also for files that grow, shrink or lie about their size, as in /proc."""
    line = column = 1
    offset = 0
    while True:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, WINDOW)
        if data:
            yield ReadWindow(data, line, column)
        if not os.read(descriptor, 1):
            return
        passed = max(len(data) - _OVERLAP, 1)
        line, column = _moved(data, passed, line, column)
        offset += passed


def _characters(text: bytes) -> int:
    return len(text) if text.isascii() else len(text.translate(None, _CONTINUATIONS))


_CONTINUATIONS = bytes(range(0x80, 0xC0))


def why(error: OSError) -> str:
    """The reason without the path, which stands beside it."""
    return (error.strerror or errno.errorcode.get(error.errno or 0, "unknown error")).lower()
