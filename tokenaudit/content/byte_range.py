"""Parts of a file, read piece by piece, and the budget for reading them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from tokenaudit.content.changed_content import ContentLimits
from tokenaudit.text import size as size_text


class LimitReachedError(Exception):
    """A limit for one file was reached. The message names the limit and what was not examined."""


class ByteRange(Protocol):
    """Bytes with a known length. `read` returns fewer bytes than requested only at the end."""

    size: int

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes at `at`."""

    def part(self, at: int, length: int) -> ByteRange:
        """The bytes from `at` on, `length` at most."""


@dataclass
class ContentBudget:
    """What is left of the limits for one version of a file. Everything found inside the file shares it."""

    limits: ContentLimits
    bytes_left: int = field(init=False)
    operations_left: int = field(init=False)
    members_left: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes_left = self.limits.pickle_bytes
        self.operations_left = self.limits.operations
        self.members_left = self.limits.members

    def spend_bytes(self, number: int) -> None:
        """Counts bytes that are read or decompressed.

        Raises:
            LimitReachedError: the limit is exceeded.
        """
        self.bytes_left -= number
        if self.bytes_left < 0:
            message = f"only the first {size_text(self.limits.pickle_bytes)} of possible pickles are examined"
            raise LimitReachedError(message)

    def spend_operations(self, number: int) -> None:
        """Counts opcodes that are followed.

        Raises:
            LimitReachedError: the limit is exceeded.
        """
        self.operations_left -= number
        if self.operations_left < 0:
            message = f"only the first {self.limits.operations:,} opcodes of a pickle are followed"
            raise LimitReachedError(message)

    def spend_member(self) -> None:
        """Counts a member of an archive that is examined.

        Raises:
            LimitReachedError: the limit is exceeded.
        """
        self.members_left -= 1
        if self.members_left < 0:
            message = f"only the first {self.limits.members:,} members of an archive are examined"
            raise LimitReachedError(message)


class FileRange:
    """A part of a seekable file. Every byte that is read counts against the budget."""

    def __init__(self, file: BinaryIO, budget: ContentBudget, start: int, size: int) -> None:
        self._file = file
        self._budget = budget
        self._start = start
        self.size = size

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes at `at`.

        Raises:
            OSError: the file can't be read.
            LimitReachedError: the limit is exceeded.
        """
        wanted = min(length, self.size - at)
        if wanted <= 0:
            return b""
        self._budget.spend_bytes(wanted)
        self._file.seek(self._start + at)
        parts = []
        while wanted > 0 and (part := self._file.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def part(self, at: int, length: int) -> FileRange:
        """The bytes from `at` on, `length` at most."""
        return FileRange(self._file, self._budget, self._start + at, max(0, min(length, self.size - at)))


class MemoryRange:
    """Bytes in memory, such as a decompressed stream. They were counted when they were produced."""

    def __init__(self, data: bytes | bytearray, start: int = 0, size: int | None = None) -> None:
        self._data = data
        self._start = start
        self.size = len(data) - start if size is None else size

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes at `at`."""
        wanted = min(length, self.size - at)
        return bytes(self._data[self._start + at : self._start + at + wanted]) if wanted > 0 else b""

    def part(self, at: int, length: int) -> MemoryRange:
        """The bytes from `at` on, `length` at most."""
        return MemoryRange(self._data, self._start + at, max(0, min(length, self.size - at)))
