"""Data model for reading objects, shared by all readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from tokenaudit.git.log import moment
from tokenaudit.interfaces import MatchContext, PrefilterResult, ScanResult

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ObjectType: TypeAlias = Literal["blob", "commit", "tag", "tree"]
SEARCHED: tuple[ObjectType, ...] = ("blob", "commit", "tag")
"""Trees contain only names and ids: they are read for attribution, never scanned."""

LARGE = 64 << 20
"""Maximum size in bytes of an object in memory. Larger objects are read as a stream, in windows."""

_REPORT_EVERY = 32 << 20


class GitObject(NamedTuple):
    """One complete object."""

    id: str
    type: ObjectType
    data: bytes


class Unread(NamedTuple):
    """An object (or a whole pack or partition) that could not be read, and the reason.

    `is_final`: no other reader is tried. `is_large`: its size is the only reason.
    """

    id: str
    reason: str
    is_final: bool = False
    is_large: bool = False


class TipTree(NamedTuple):
    """What a ref names, its tree, and the time of its commit in seconds, 0 where that is not asked for."""

    tip: str
    tree: str
    time: int = 0


class KnownPack(NamedTuple):
    """A pack: the SHA-256 of its index, its size in bytes, and the number of its objects."""

    digest: str
    size: int
    objects: int


@dataclass(frozen=True)
class KnownObjects:
    """The objects that an earlier scan has read: their raw ids, sorted, each once.

    All objects of `packs` are among them, and `loose` are those that are in none of these.
    """

    ids: bytes = field(default=b"", repr=False)
    packs: frozenset[KnownPack] = frozenset()
    loose: frozenset[str] = frozenset()
    has_commits: bool = False


def is_large(size: int) -> bool:
    """Return whether an object of `size` bytes is too large to hold in memory."""
    return size > LARGE


def too_large(name: str) -> Unread:
    """Return an `Unread` for an object that is larger than `LARGE`."""
    return Unread(name, f"object larger than {LARGE >> 20} MiB", is_large=True)


def work_limit(stored: int) -> int:
    """Return the maximum bytes of objects to read from `stored` compressed bytes. Usual histories are far below."""
    return max(_LEAST_WORK, stored * _MOST_RATIO)


def beyond_limit(count: int) -> Unread:
    """Return an `Unread` for the `count` objects of a pack or repository beyond the work limit."""
    reason = f"deltas expand to more than {_LEAST_WORK >> 30} GiB and more than {_MOST_RATIO:,} times the stored size"
    return Unread(f"{count:,} more objects", reason, is_final=True)


def stream_limit(stored: int) -> int:
    """Return the maximum bytes of large objects to read from a repository with `stored` compressed bytes."""
    return max(_LEAST_STREAMED, stored * _MOST_STREAMED_RATIO)


_LEAST_STREAMED = 6 << 30
_MOST_STREAMED_RATIO = 100
_LEAST_WORK = 4 << 30
_MOST_RATIO = 4000


class ObjectMatcher(Protocol):
    """Searches objects for evidence and credentials."""

    @property
    def has_hits(self) -> bool:
        """Whether a blob with a credential was noted, in this process or one that was forked from it."""

    def note(self, batch: ScanBatch) -> None:
        """Take note of the credentials in `batch`."""

    @property
    def reach(self) -> int | None:
        """Maximum bytes before or after a byte of evidence that decide whether it is evidence; None if unbounded."""

    def prepare(self) -> None:
        """Compile the searcher for large data, once, before processes are forked."""

    def copy(self) -> ObjectMatcher:
        """Return a matcher that another thread can use at the same time."""

    def look(self, data: bytes) -> PrefilterResult:
        """Return the result of the prefilter for `data`."""

    def with_evidence(self, data: bytes, starts: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return which entries of `data` contain evidence, and which only matches that evidence makes count.

        Entries begin at `starts`, with one byte between two that belongs to neither. Needs a bounded `reach`.
        """

    def contexts(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """Return the contexts that decide which fingerprints `examine` finds; None if that needs `examine`."""

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """Return what `contexts` returns for `data` that were made from data with `contexts`.

        They must contain no match within `reach` around what is new in them.
        """

    def examine(self, data: bytes) -> ScanResult:
        """Scan an object with evidence that is not larger than `LARGE`."""


class CommitLinks(NamedTuple):
    """Commits with their trees and parents, as rows of raw ids. `counts` are the numbers of parents.

    `odd` are commits whose header is malformed.
    """

    ids: npt.NDArray[np.uint8]
    trees: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    parents: npt.NDArray[np.uint8]
    odd: npt.NDArray[np.uint8]


@dataclass
class ScanBatch:
    """Results since the last batch: ids of objects with hits, counts, failures.

    `examined` contains results for some of the blobs among the hits, by id; they are not sent to other processes.
    `fingerprints` contains those of the credentials in blobs whose results were not sent. `pack` is the pack that all
    of the objects were read from, if any. `links` are those of some of its commits.
    """

    hits: list[tuple[str, str]] = field(default_factory=list)
    examined: dict[str, ScanResult] = field(default_factory=dict)
    fingerprints: dict[str, frozenset[str]] = field(default_factory=dict)
    objects: int = 0
    bytes: int = 0
    unread: list[Unread] = field(default_factory=list)
    pack: Path | None = None
    links: list[CommitLinks] = field(default_factory=list)

    @property
    def is_due(self) -> bool:
        """Return whether the batch should be reported."""
        return self.bytes > _REPORT_EVERY

    def add(self, name: str, kind: ObjectType, examined: ScanResult) -> None:
        """Add the result for an object, if it has any hits."""
        if examined.is_empty:
            return
        self.hits.append((name, kind))
        if kind == "blob":
            self.examined[name] = examined

    def add_fingerprints(self, name: str, kind: ObjectType, fingerprints: frozenset[str]) -> None:
        """Add an object that contains nothing to report but credentials with `fingerprints`, if it contains any."""
        if not fingerprints:
            return
        self.hits.append((name, kind))
        if kind == "blob":
            self.fingerprints[name] = fingerprints

    def without_results(self) -> ScanBatch:
        """Return the batch for other processes: ids, fingerprints, counts and reasons only."""
        found = {name: fingerprints_of(examined) for name, examined in self.examined.items()}
        others = {name: fingerprints for name, fingerprints in found.items() if fingerprints}
        return replace(self, examined={}, fingerprints=self.fingerprints | others)


def fingerprints_of(examined: ScanResult) -> frozenset[str]:
    """Return the fingerprints that represent the result for a blob; none if it contains anything else to report."""
    if examined.skipped or examined.pointers:
        return frozenset()
    return frozenset(seen.change_key for seen in examined.detections)


class Partition(Protocol):
    """A part of the objects of a repository that one process reads.

    `size` estimates the work in nanoseconds. Partitions are disjoint and together contain every requested object.
    """

    @property
    def size(self) -> int:
        """Estimated work in nanoseconds."""

    @property
    def is_last(self) -> bool:
        """Whether it is searched after others, because it reads more if there are hits in them."""

    @property
    def count(self) -> int:
        """Number of objects."""

    @property
    def is_concurrent(self) -> bool:
        """Whether other threads run while it is searched, because most of the work is done in compiled code."""

    def read(self) -> Iterator[GitObject | Unread]:
        """Yield each object once, in the same order in every run."""

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """Search each object and yield the ids of objects with hits."""


def examine(watcher: ObjectMatcher, data: bytes) -> ScanResult:
    """Run the prefilter of `watcher` on `data`, and scan `data` if there is evidence."""
    return watcher.examine(data) if watcher.look(data) is PrefilterResult.EVIDENCE else _NOTHING


_NOTHING = ScanResult()


def search_one_by_one(partition: Partition, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
    """Implement `Partition.search` for partitions without a faster method."""
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


class ParsedHeader(NamedTuple):
    """A commit or tag: its header lines, message and author. `target` is the object of a tag, with its type."""

    header: bytes
    message: bytes
    author: str | None
    date: datetime | None
    target: tuple[str, str] | None


def parse(data: bytes) -> ParsedHeader:
    """Parse a commit or tag; missing fields are None, because objects can be damaged or handwritten."""
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
