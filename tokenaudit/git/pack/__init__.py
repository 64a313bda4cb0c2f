"""Reading pack files directly: every object is inflated once, delta chains are walked from their bases."""

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
    """A share of the work that reads no object, but the whole pack, and compares its checksum."""

    pack: Path
    algorithm: str = "sha1"

    @property
    def size(self) -> int:
        """See `objects.Share`."""
        try:
            return int(self.pack.stat().st_size * _NANOSECONDS_A_BYTE)
        except OSError:
            return 0  # there is none; reading it says so

    @property
    def count(self) -> int:
        """See `objects.Share`."""
        return 0

    def read(self) -> Iterator[GitObject | Unread]:
        """The pack, if its checksum is wrong."""
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
        """See `objects.Share`."""
        del watcher
        yield ScanBatch(unread=[item for item in self.read() if isinstance(item, Unread)])
