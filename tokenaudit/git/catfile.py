"""Read objects with `git cat-file`: slower than the pack reader, but supports every repository format."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tokenaudit.git.command import allowance
from tokenaudit.git.object_reader import (
    FIELDS,
    MOST_STALLS,
    Batch,
    ListedObject,
    ObjectReader,
    ObjectStream,
    UnreadableObjectError,
)
from tokenaudit.git.objects import (
    SEARCHED,
    GitObject,
    ObjectMatcher,
    ObjectType,
    ScanBatch,
    Unread,
    beyond_limit,
    examine,
    is_large,
    search_one_by_one,
    stream_limit,
    too_large,
    work_limit,
)

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class ListingError(Exception):
    """Git could not list all objects of a repository; `str()` is the reason."""


def list_objects(git_dir: Path) -> Iterator[ListedObject | Unread]:
    """Yield every packed, loose or alternate object once, in the order of the packs.

    Raises:
        ListingError: git failed before the end of the list.
        GitError: git can't be run.
    """
    with Batch(git_dir, ["--batch-all-objects", "--unordered", "--batch-check"]) as batch:
        while line := batch.line():
            fields = line.decode("ascii", "replace").split()
            if len(fields) == FIELDS and fields[2].isdigit():
                yield ListedObject(fields[0], fields[1], int(fields[2]))
            else:
                yield Unread(fields[0] if fields else "object list", "the object can't be read")
        failure = batch.end()
        unopened = batch.unopened()
    if failure:
        raise ListingError(failure)
    yield from (Unread("part of the objects", reason) for reason in unopened)


_MOST_RESTARTS = 200
_MOST_FAILURES = 5
_MOST_TRIED = 200
"""Maximum damaged objects to read with git too, because each can make git exit, and restarting it is slow."""


def read_elsewhere(git_dir: Path, unread: Iterable[Unread], watcher: ObjectMatcher) -> Iterator[ScanBatch]:
    """Read `unread` with git, which is slower but reads large objects as streams.

    A damaged object can have an intact copy. An object that git can't read either is reported with the original reason.
    """
    given = allowance(git_dir)
    until = time.monotonic() + given.seconds / 2
    left = stream_limit(given.stored)
    tried = failures = 0
    with ObjectReader(git_dir) as reader:
        for item in unread:
            tried += not item.is_large
            may_ask = _ID.fullmatch(item.id) and not item.is_final and (item.is_large or tried <= _MOST_TRIED)
            is_late = failures >= _MOST_FAILURES and time.monotonic() > until
            if not may_ask or is_late or failures >= _MOST_TRIED:
                yield ScanBatch(unread=[item])
                continue
            opened = reader.open(item.id)
            if isinstance(opened, Unread):
                failures += 1
                yield ScanBatch(unread=[item])
            elif opened.size > left:
                yield ScanBatch(unread=[item._replace(reason=f"object too large ({opened.size:,} bytes)")])
            else:
                left -= opened.size
                found = _second_look(reader, opened, item, watcher)
                failures += bool(found.unread)
                yield found


def _second_look(reader: ObjectReader, opened: ObjectStream, item: Unread, watcher: ObjectMatcher) -> ScanBatch:
    is_searched = opened.type in SEARCHED
    is_hit = False
    try:
        for window in reader.windows(opened):
            is_hit = is_hit or (is_searched and not examine(watcher, window.data).is_empty)
    except UnreadableObjectError as error:
        return ScanBatch(unread=[item._replace(reason=str(error)) if item.is_large else item])
    if not is_searched:
        return ScanBatch()
    hits = [(opened.id, opened.type)] if is_hit else []
    return ScanBatch(hits, objects=1, bytes=opened.size)


@dataclass(frozen=True)
class CatFilePartition:
    """Some objects of a repository, read in the given order."""

    git_dir: Path
    ids: Sequence[str]
    size: int

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return len(self.ids)

    is_concurrent = is_last = False

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Partition`. Git exits at a corrupt object; reading continues with the next one."""
        done = restarts = 0
        while done < len(self.ids):
            stalled = False
            for found in _batch(self.git_dir, self.ids[done:]):
                done += 1
                stalled = isinstance(found, Unread) and found.is_final
                yield found
            restarts += _MOST_RESTARTS // MOST_STALLS if stalled else 1
            if restarts >= _MOST_RESTARTS and done < len(self.ids):
                left = len(self.ids) - done
                yield Unread(f"{left:,} more objects", "git exited too often", is_final=True)
                return

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`."""
        return search_one_by_one(self, watcher)


def _batch(git_dir: Path, ids: Sequence[str]) -> Iterator[GitObject | Unread]:
    """Read `ids` until git exits at one of them, which is the last yielded."""
    with Batch(git_dir, ["--batch", "--buffer"], stdin=True) as batch:
        batch.feed(ids)
        name = ""
        try:
            for name in ids:
                head = batch.head(name)
                if isinstance(head, Unread):
                    yield head
                elif is_large(head.size):
                    yield too_large(name)
                    return
                else:
                    data = batch.read(head.size + 1)
                    yield GitObject(head.id, cast("ObjectType", head.type), data[:-1])
        except EOFError:
            yield Unread(name, batch.end() or "the object is corrupt", is_final=batch.watchdog.has_ended)


def cat_file_partitions(
    git_dir: Path, count: int, types: Sequence[ObjectType] = SEARCHED
) -> tuple[list[CatFilePartition], list[Unread], list[str]]:
    """Divide the objects of `types` into at most about `count` partitions of equal size.

    Also return the unreadable objects and the ids of all commits. Each partition takes a process of git, so there are
    few of a small repository.

    Raises:
        ListingError: git can't list all objects.
        GitError: git can't be run.
    """
    wanted, unread, commits = _listed(git_dir, types)
    total = sum(_cost(item) for item in wanted)
    count = max(1, min(count, total // _LEAST_COST))
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
    return partitions, unread, commits


def _listed(git_dir: Path, types: Sequence[ObjectType]) -> tuple[list[ListedObject], list[Unread], list[str]]:
    """Return the objects of `types` to read, the unreadable objects and the ids of all commits."""
    wanted: list[ListedObject] = []
    unread: list[Unread] = []
    commits: list[str] = []
    left = work_limit(allowance(git_dir).stored)
    too_much = 0
    for found in list_objects(git_dir):
        if isinstance(found, Unread):
            unread.append(found)
            continue
        if found.type == "commit":
            commits.append(found.id)
        if found.type in types:
            if is_large(found.size):
                unread.append(too_large(found.id))
                continue
            left -= found.size
            if left < 0:
                too_much += 1
            else:
                wanted.append(found)
    if too_much:
        unread.append(beyond_limit(too_much))
    return wanted, unread, commits


_LEAST_COST = 40_000_000
"""Nanoseconds of work that are worth a process of git."""


def _cost(item: ListedObject) -> int:
    """Return the estimated nanoseconds to read an object: a constant plus a cost per byte."""
    return 12_000 + 2 * item.size
