"""Read pack files directly: every object is inflated once, and deltas are applied from their bases down."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenaudit.file_access import open_regular
from tokenaudit.git.objects import GitObject, ObjectMatcher, ScanBatch, Unread

_NANOSECONDS_A_BYTE = 0.6


@dataclass(frozen=True)
class ChecksumPartition:
    """A partition that reads no objects, but verifies the checksum of the whole pack."""

    pack: Path
    algorithm: str = "sha1"

    @property
    def size(self) -> int:
        """See `objects.Partition`."""
        try:
            return int(self.pack.stat().st_size * _NANOSECONDS_A_BYTE)
        except OSError:
            return 0  # missing; reported when it is read

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return 0

    is_concurrent, is_last = True, False

    def read(self) -> Iterator[GitObject | Unread]:
        """Yield the pack as `Unread` if its checksum is wrong."""
        check = hashlib.new(self.algorithm, usedforsecurity=False)
        try:
            with open_regular(self.pack) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                with memoryview(mapped) as view:
                    check.update(view[: -check.digest_size])
                is_right = check.digest() == mapped[-check.digest_size :]
        except (OSError, ValueError) as error:
            yield Unread(self.pack.name, f"checksum can't be read: {error}")
            return
        if not is_right:
            yield Unread(self.pack.name, "wrong checksum: its content can be corrupt")

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`."""
        del watcher
        yield ScanBatch(unread=[item for item in self.read() if isinstance(item, Unread)])
