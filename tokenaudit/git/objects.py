"""Data model of object reading, shared by every engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from tokenaudit.git.log import moment
from tokenaudit.interfaces import PrefilterResult, ScanResult

ObjectType: TypeAlias = Literal["blob", "commit", "tag", "tree"]
SEARCHED: tuple[ObjectType, ...] = ("blob", "commit", "tag")
"""Trees hold names and ids only: they are read for attribution, never searched."""

LARGE = 64 << 20
"""Bytes of an object up to which it is held in memory as a whole. Larger ones are read as a stream, in windows."""

_REPORT_EVERY = 32 << 20


@dataclass(frozen=True)
class GitObject:
    """One object, whole."""

    id: str
    type: ObjectType
    data: bytes


@dataclass(frozen=True)
class Unread:
    """An object (or a whole pack or share of objects) that could not be read, and why.

    `is_final` where no other way of reading it is to be tried, `is_large` where its size is the only reason.
    """

    id: str
    reason: str
    is_final: bool = False
    is_large: bool = False


def is_large(size: int) -> bool:
    """Whether an object of `size` bytes is not held in memory as a whole."""
    return size > LARGE


def too_large(name: str) -> Unread:
    """An object that is larger than `LARGE`."""
    return Unread(name, f"object larger than {LARGE >> 20} MiB", is_large=True)


def work_limit(stored: int) -> int:
    """How many bytes of objects are taken out of `stored` compressed ones. Honest histories stay far below that."""
    return max(_LEAST_WORK, stored * _MOST_RATIO)


def beyond_limit(count: int) -> Unread:
    """What stays unread of a pack, or of a whole repository, for that reason."""
    reason = f"deltas expand to more than {_LEAST_WORK >> 30} GiB and more than {_MOST_RATIO:,} times the stored size"
    return Unread(f"{count:,} more objects", reason, is_final=True)


def stream_limit(stored: int) -> int:
    """How many bytes of large objects are taken out of a repository that stores so many compressed ones."""
    return max(_LEAST_STREAMED, stored * _MOST_STREAMED_RATIO)


_LEAST_STREAMED = 6 << 30
_MOST_STREAMED_RATIO = 100
_LEAST_WORK = 4 << 30
_MOST_RATIO = 4000


class ObjectMatcher(Protocol):
    """Looks at objects, and says where there is something."""

    @property
    def reach(self) -> int | None:
        """How many bytes before or behind its first or last byte a trace can extend; None where it has no bound."""

    def prepare(self) -> None:
        """Makes ready whatever searching much data needs, once, before processes are forked."""

    def look(self, data: bytes) -> PrefilterResult:
        """What a first look at `data` shows."""

    def examine(self, data: bytes) -> ScanResult:
        """What a second look at an object with evidence, which is not larger than `LARGE`, finds."""


@dataclass
class ScanBatch:
    """What reading brought since the last batch: ids of objects in which something was seen, counts, failures.

    `examined` are the results for the blobs among the hits, by id: of some or of none, as they stay in this process.
    """

    hits: list[tuple[str, str]] = field(default_factory=list)
    examined: dict[str, ScanResult] = field(default_factory=dict)
    objects: int = 0
    bytes: int = 0
    unread: list[Unread] = field(default_factory=list)

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell."""
        return self.bytes > _REPORT_EVERY

    def add(self, name: str, kind: ObjectType, examined: ScanResult) -> None:
        """Notes what was seen in an object, if anything."""
        if examined.is_empty:
            return
        self.hits.append((name, kind))
        if kind == "blob":
            self.examined[name] = examined

    def without_results(self) -> ScanBatch:
        """The same as other processes are sent it: ids, counts and reasons."""
        return replace(self, examined={})


class Partition(Protocol):
    """A part of a repository's objects that one process reads.

    `size` estimates the work in nanoseconds. Shares are disjoint, and together they are every wanted object once.
    """

    @property
    def size(self) -> int:
        """Work, in nanoseconds, roughly."""

    @property
    def count(self) -> int:
        """How many objects it has."""

    def read(self) -> Iterator[GitObject | Unread]:
        """The objects, each once, in an order that does not change from run to run."""

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """Looks at each object and tells only the ids of those that hold something."""


def examine(watcher: ObjectMatcher, data: bytes) -> ScanResult:
    """What `watcher` sees in `data`, at a second look where the first one shows evidence."""
    return watcher.examine(data) if watcher.look(data) is PrefilterResult.EVIDENCE else _NOTHING


_NOTHING = ScanResult()


def search_one_by_one(partition: Partition, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
    """`Partition.search` for shares that have no better way."""
    batch = ScanBatch()
    for found in partition.read():
        if isinstance(found, Unread):
            batch.unread.append(found)
            continue
        batch.objects += 1
        batch.bytes += len(found.data)
        batch.add(found.id, found.type, examine(watcher, found.data))
        if batch.is_due:
            yield batch
            batch = ScanBatch()
    yield batch


_PERSON = re.compile(rb"^(?:author|tagger) (?P<who>.*?) ?(?P<when>-?\d+)? ?(?:[+-]\d+)?$", re.MULTILINE)
_TARGET = re.compile(rb"\Aobject (?P<id>[0-9a-f]+)\ntype (?P<type>\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class ParsedHeader:
    """A commit or tag: its header lines, its message, and who made it. `target` is what a tag names, with its type."""

    header: bytes
    message: bytes
    author: str | None
    date: datetime | None
    target: tuple[str, str] | None


def parse(data: bytes) -> ParsedHeader:
    """Takes apart a commit or tag; what isn't there comes as None, since objects may be damaged or hand-made."""
    header, _, message = data.partition(b"\n\n")
    person = _PERSON.search(header)
    target = _TARGET.search(header)
    return ParsedHeader(
        header=header,
        message=message,
        author=person["who"].decode("utf-8", "replace") if person else None,
        date=moment(person["when"].decode()) if person and person["when"] else None,
        target=(target["id"].decode(), target["type"].decode()) if target else None,
    )
