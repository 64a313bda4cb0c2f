"""Read loose objects directly."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tokenaudit.file_access import TooLargeError, open_regular, read_regular
from tokenaudit.git.objects import (
    LARGE,
    SEARCHED,
    GitObject,
    ObjectMatcher,
    ObjectType,
    ScanBatch,
    Unread,
    is_large,
    search_one_by_one,
    too_large,
)
from tokenaudit.pack_format import LONGEST_LOOSE_HEADER, loose_header

_FOLDER = re.compile(r"[0-9a-f]{2}")
_NAME = re.compile(r"[0-9a-f]{38}")
_BEGINNING = 64
"""Bytes of a file that contain the type of its object."""


def loose_objects(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the id and file of every loose object in an object folder, sorted by id.

    Raises:
        OSError: a folder can't be read.
    """
    for part in sorted(filter(_FOLDER.fullmatch, os.listdir(folder))):  # noqa: PTH208 - names only
        try:
            names = os.listdir(folder / part)  # noqa: PTH208 - names only
        except (FileNotFoundError, NotADirectoryError):
            continue  # its objects were packed in the meantime, or it is not a folder
        for name in sorted(name for name in names if _NAME.fullmatch(name)):
            yield part + name, folder / part / name


@dataclass(frozen=True)
class LoosePartition:
    """Some loose objects. Their types are known only after opening them; those not in `types` are skipped."""

    files: Sequence[tuple[str, Path]]
    types: Sequence[ObjectType]
    size: int

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return len(self.files)

    is_concurrent = is_last = False

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Partition`."""
        for name, file in self.files:
            found = _read(name, file, self.types)
            if found:
                yield found

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`."""
        return search_one_by_one(self, watcher)


def _read(name: str, file: Path, types: Sequence[ObjectType]) -> GitObject | Unread | None:
    try:
        return _inflated(name, file, types)
    except OSError as error:
        return Unread(name, f"the object can't be read: {error.strerror}")
    except (zlib.error, ValueError, OverflowError):
        return Unread(name, "the object is corrupt")
    except MemoryError:
        return Unread(name, "object too large for the available memory")


def _inflated(name: str, file: Path, types: Sequence[ObjectType]) -> GitObject | Unread | None:
    try:
        packed = read_regular(file, LARGE)
    except TooLargeError:
        return too_large(name)
    inflater = zlib.decompressobj()
    head = inflater.decompress(packed, LONGEST_LOOSE_HEADER)
    name_of_type, size, begin = loose_header(head)
    kind = cast("ObjectType", name_of_type)
    if kind not in types:
        return None
    if is_large(size):
        return too_large(name)
    data = head[begin:] + inflater.decompress(inflater.unconsumed_tail, max(1, size + 1))
    if len(data) != size or not (inflater.eof or inflater.decompress(inflater.unconsumed_tail, 1) == b""):
        raise ValueError
    return GitObject(name, kind, data)


def loose_commits(files: Iterable[tuple[str, Path]]) -> Iterator[str]:
    """Yield the ids of the commits in `files`; only the start of each file is read."""
    for name, file in files:
        try:
            with open_regular(file) as opened:
                head = zlib.decompressobj().decompress(opened.read(_BEGINNING), LONGEST_LOOSE_HEADER)
        except (OSError, zlib.error):
            continue  # reported when it is read
        if head.startswith(b"commit "):
            yield name


def loose_partitions(
    files: Iterable[tuple[str, Path]], count: int, types: Sequence[ObjectType] = SEARCHED
) -> list[LoosePartition]:
    """Divide `files` into about `count` partitions of equal size."""
    costs = [(each, 60_000 + 10 * _size(each[1])) for each in files]
    total = sum(cost for _, cost in costs)
    partitions: list[LoosePartition] = []
    part: list[tuple[str, Path]] = []
    size = 0
    for each, cost in costs:
        part.append(each)
        size += cost
        if size >= total / count:
            partitions.append(LoosePartition(part, types, size))
            part, size = [], 0
    if part:
        partitions.append(LoosePartition(part, types, size))
    return partitions


def _size(file: Path) -> int:
    try:
        return min(file.lstat().st_size, LARGE)
    except OSError:
        return 0  # removed in the meantime; reported when it is read
