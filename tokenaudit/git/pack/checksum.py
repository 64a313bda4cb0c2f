"""The checksum of a pack: it alone tells that the types of objects, which stand outside their bodies, are unharmed."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenaudit.git.objects import GitObject, Haul, Unread, Watcher

_NANOSECONDS_A_BYTE = 0.6


@dataclass(frozen=True)
class ChecksumShare:
    """A share of the work that reads no object, but the whole pack, and compares its checksum."""

    pack: Path
    algorithm: str = "sha1"

    @property
    def size(self) -> int:
        """See `objects.Share`."""
        return int(self.pack.stat().st_size * _NANOSECONDS_A_BYTE)

    @property
    def count(self) -> int:
        """See `objects.Share`."""
        return 0

    def read(self) -> Iterator[GitObject | Unread]:
        """The pack, if its checksum is wrong."""
        check = hashlib.new(self.algorithm, usedforsecurity=False)
        try:
            with self.pack.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                with memoryview(mapped) as view:
                    check.update(view[: -check.digest_size])
                is_right = check.digest() == mapped[-check.digest_size :]
        except (OSError, ValueError) as error:
            yield Unread(self.pack.name, f"its checksum can't be read: {error}")
            return
        if not is_right:
            yield Unread(self.pack.name, "its checksum is wrong: what was read of it may not be what was stored")

    def search(self, watcher: Watcher) -> Iterator[Haul]:
        """See `objects.Share`."""
        del watcher
        yield Haul(unread=[item for item in self.read() if isinstance(item, Unread)])
