"""Reading objects through `git cat-file`: slower than the pack reader, but it knows every kind of repository."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from tokenaudit.git.command import git, reason, start
from tokenaudit.git.objects import SEARCHED, GitObject, ObjectMatcher, ObjectType, ScanBatch, Unread, search_one_by_one

_FIELDS = 3
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class ListedObject:
    """An object that the repository holds. `size` is that of its content, in bytes."""

    id: str
    type: str
    size: int


def list_objects(git_dir: Path) -> Iterator[ListedObject | Unread]:
    """Every object in every pack, loose or borrowed from alternates, each once, in the order of the packs."""
    with start(
        ["cat-file", "--batch-all-objects", "--unordered", "--batch-check"], git_dir=git_dir, stderr=subprocess.PIPE
    ) as process:
        drained = _Drain(cast("IO[bytes]", process.stderr))
        for line in cast("IO[bytes]", process.stdout):
            fields = line.decode("ascii", "replace").split()
            if len(fields) == _FIELDS:
                yield ListedObject(fields[0], fields[1], int(fields[2]))
            else:
                yield Unread(fields[0], "the object can't be read")
        code = process.wait()
        complaint = drained.text()
    if code:
        yield Unread("object list", reason(complaint, code))


def types_of(git_dir: Path, ids: Sequence[str]) -> Iterator[ListedObject | Unread]:
    """The types and sizes of some objects.

    Raises:
        GitError: git can't be run.
    """
    if not ids:
        return
    for line in git("cat-file", "--batch-check", git_dir=git_dir, stdin="\n".join([*ids, ""]).encode()).splitlines():
        fields = line.decode("ascii", "replace").split()
        if len(fields) == _FIELDS:
            yield ListedObject(fields[0], fields[1], int(fields[2]))
        else:
            yield Unread(fields[0], "the object can't be read")


class ObjectReader:
    """Single objects on request, from one long-lived git process. Use as a context manager."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ObjectReader:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, name: str) -> GitObject | Unread:
        """The object called `name`: an id, or any revision without a newline."""
        if self._process is None or self._process.poll() is not None:
            self._process = start(
                ["cat-file", "--batch"], git_dir=self._git_dir, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        try:
            pipe = cast("IO[bytes]", self._process.stdin)
            pipe.write(name.encode("utf-8", "surrogateescape") + b"\n")
            pipe.flush()
            return _one(cast("IO[bytes]", self._process.stdout), name)
        except OSError:
            return Unread(name, "the object is corrupt")
        except EOFError:
            self._stop()
            return Unread(name, "the object is corrupt")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


_MOST_TRIED = 200
"""Damaged objects for which git is asked, too: each may end it, and starting it again takes a while."""


def read_elsewhere(git_dir: Path, unread: Iterable[Unread]) -> tuple[list[Unread], list[GitObject]]:
    """Those of `unread` that git can't read either, and the others: of some objects there is a second, whole copy."""
    left: list[Unread] = []
    found: list[GitObject] = []
    with ObjectReader(git_dir) as reader:
        for number, item in enumerate(unread):
            is_object = _ID.fullmatch(item.id) and number < _MOST_TRIED
            again = reader.read(item.id) if is_object else item
            if isinstance(again, Unread):
                left.append(item)
            elif again.type in SEARCHED:
                found.append(again)
    return left, found


@dataclass(frozen=True)
class CatFilePartition:
    """Some objects of a repository, read in the order given."""

    git_dir: Path
    ids: Sequence[str]
    size: int

    @property
    def count(self) -> int:
        """See `objects.Share`."""
        return len(self.ids)

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Share`. Git ends at a corrupt object; it is left out and reading goes on behind it."""
        done = 0
        while done < len(self.ids):
            for found in _batch(self.git_dir, self.ids[done:]):
                done += 1
                yield found

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Share`."""
        return search_one_by_one(self, watcher)


def _batch(git_dir: Path, ids: Sequence[str]) -> Iterator[GitObject | Unread]:
    """Reads `ids` until one of them ends git; that one is the last yielded."""
    process = start(["cat-file", "--batch", "--buffer"], git_dir=git_dir, stdin=subprocess.PIPE)
    drained = _Drain(cast("IO[bytes]", process.stderr))
    threading.Thread(target=_feed, args=(process.stdin, ids), daemon=True).start()
    try:
        name = ""
        for name in ids:
            yield _one(cast("IO[bytes]", process.stdout), name)
    except EOFError:
        yield Unread(name, reason(drained.text(), process.wait()))
    finally:
        process.kill()
        process.wait()
        cast("IO[bytes]", process.stdout).close()


def _feed(pipe: IO[bytes], ids: Iterable[str]) -> None:
    try:
        with pipe:
            pipe.writelines(f"{name}\n".encode() for name in ids)
    except (BrokenPipeError, ValueError):
        return  # git has ended; its reader tells why


def _one(pipe: IO[bytes], name: str) -> GitObject | Unread:
    header = pipe.readline()
    fields = header.split()
    if not header.endswith(b"\n"):
        raise EOFError
    if len(fields) != _FIELDS or not fields[2].isdigit():
        return Unread(name, "the object is missing" if fields[-1:] == [b"missing"] else "the object can't be read")
    size = int(fields[2])
    data = pipe.read(size + 1)
    if len(data) != size + 1:
        raise EOFError
    return GitObject(fields[0].decode(), cast("ObjectType", fields[1].decode()), data[:-1])


class _Drain:
    """Takes a process's complaints as they come, so that it never waits for us to read them."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                if len(self._kept) < 1 << 16:
                    self._kept += line

    def text(self) -> bytes:
        self._thread.join()
        return self._kept


def cat_file_partitions(
    git_dir: Path, count: int, types: Sequence[ObjectType] = SEARCHED
) -> tuple[list[CatFilePartition], list[Unread]]:
    """Every object of `types` in about `count` shares of the same number of bytes, and what can't be read at all."""
    wanted: list[ListedObject] = []
    unread: list[Unread] = []
    for found in list_objects(git_dir):
        if isinstance(found, Unread):
            unread.append(found)
        elif found.type in types:
            wanted.append(found)
    total = sum(_cost(item) for item in wanted)
    partitions: list[CatFilePartition] = []
    ids: list[str] = []
    size = 0
    for item in wanted:
        ids.append(item.id)
        size += _cost(item)
        if size >= total / count:
            partitions.append(CatFilePartition(git_dir, ids, size))
            ids, size = [], 0
    if ids:
        partitions.append(CatFilePartition(git_dir, ids, size))
    return partitions, unread


def _cost(item: ListedObject) -> int:
    """Nanoseconds that reading it takes, roughly: so much for any object, so much for each byte."""
    return 12_000 + 2 * item.size
