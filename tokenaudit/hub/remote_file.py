"""A file at the Hub as a seekable binary file whose reads are range requests, within a budget of bytes.

A model file has up to hundreds of gigabytes, and what decides about it (a directory, a header, a pickle) a few
kilobytes. Reads are rounded to blocks, which are kept; sequential reads ask for more and more at once.
"""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.file_request import FileRequest, FileResponse
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, Reply, Result
from tokenaudit.secret import Secret
from tokenaudit.text import size as readable

BLOCK = 16 << 10
_FIRST_BLOCK = 64 << 10
_LARGEST_REQUEST = 4 << 20
_LARGEST_SKIP = 8 << 20
"""Bytes of a response to a server that ignores `Range` which are read to get to a position; behind it nothing is."""

_MOST_KEPT = 64 << 20
"""Bytes of all blocks that one open file keeps."""

_SLOWEST = 64 << 10
_PARTIAL = 206
_WHOLE = 200
_EXPIRED = frozenset({400, 401, 403, 404, 410})


class RemoteReadError(OSError):
    """Content could not be fetched: the network, the server's response, or the budget. Its text is the reason."""


@dataclass
class DownloadBudget:
    """The number of bytes that a run may still download. Thread-safe."""

    limit: int
    spent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self, number: int) -> None:
        """Take `number` bytes.

        Raises:
            RemoteReadError: so many are not left.
        """
        with self._lock:
            if self.spent + number > self.limit:
                message = f"not downloaded: the limit of {readable(self.limit)} is used up; raise --max-download"
                raise RemoteReadError(message)
            self.spent += number

    def give_back(self, number: int) -> None:
        """Return bytes that were reserved but not downloaded."""
        with self._lock:
            self.spent -= number


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository at one commit. `size` is that of the listing, in bytes."""

    hub: Hub
    repository: HubRepository
    commit: str
    path: str
    size: int
    secret: Secret | None
    budget: DownloadBudget

    def open(self) -> BinaryIO:
        """Open it for reading. Nothing is requested before the first read, whose errors are `RemoteReadError`."""
        return cast("BinaryIO", io.BufferedReader(_RangeReader(self), BLOCK))


class _RangeReader(io.RawIOBase):
    """The raw file: position, blocks in memory, and the requests for those that are missing."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file = file
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._ahead = BLOCK
        self._requested_to = -1
        self._location: str | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        if base + offset < 0:
            message = "negative seek position"
            raise ValueError(message)
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]  # a narrower buffer suffices
        end = min(self._position + len(buffer), self._file.size)
        filled = 0
        while self._position < end:
            data = self._block(self._position, end)
            part = data[: end - self._position]
            buffer[filled : filled + len(part)] = part
            filled += len(part)
            self._position += len(part)
        return filled

    def _block(self, start: int, end: int) -> bytes:
        """Content from `start` to the end of its block; `end` is how far will be read next."""
        number = start // BLOCK
        if number not in self._blocks:
            self._load(number, -(-end // BLOCK))
        else:
            self._blocks.move_to_end(number)
        return self._blocks[number][start - number * BLOCK :]

    def _load(self, number: int, needed: int) -> None:
        """Request blocks from `number` on: those up to `needed`, and more the longer the reads are sequential."""
        first = number * BLOCK
        self._ahead = min(self._ahead * 2, _LARGEST_REQUEST) if first == self._requested_to else BLOCK
        if self._requested_to < 0 and first == 0:
            self._ahead = _FIRST_BLOCK
        wanted = min(max((needed - number) * BLOCK, self._ahead), _LARGEST_REQUEST)
        last = min(first + wanted, self._file.size)
        data = self._request(first, last - first)
        self._requested_to = first + len(data)
        for at in range(0, len(data), BLOCK):
            self._blocks[(first + at) // BLOCK] = data[at : at + BLOCK]
        kept = max(_MOST_KEPT, len(data)) // BLOCK
        while len(self._blocks) > kept:
            self._blocks.popitem(last=False)

    def _request(self, start: int, length: int) -> bytes:
        file = self._file
        file.budget.reserve(length)
        try:
            answer = self._sent(start, length)
        except BaseException:
            file.budget.give_back(length)
            raise
        if isinstance(answer, Failure):
            file.budget.give_back(length)
            status = f" ({answer.status})" if answer.status else ""
            message = f"not downloaded{status}: {answer.message}"
            raise RemoteReadError(message)
        return bytes(answer.body)

    def _sent(self, start: int, length: int) -> Result:
        """Ask the address of the last response first, which saves a redirect; it expires."""
        if self._location is not None:
            answer = self._asked(self._location, start, length)
            if isinstance(answer, Reply) or answer.status not in _EXPIRED:
                return answer
            self._location = None
        file = self._file
        path = f"/{file.repository.page}/resolve/{quote(file.commit, safe='')}/{quote(file.path, safe='/')}"
        return self._asked(file.hub.endpoint + path, start, length)

    def _asked(self, url: str, start: int, length: int) -> Result:
        file = self._file
        hub = file.hub
        allowed = hub.deadline + length / _SLOWEST

        def attempt() -> tuple[Result, Mapping[str, str]]:
            ends = time.monotonic() + allowed
            sent = FileRequest(hub.endpoint, url, file.secret, hub.timeout, (start, start + length - 1))

            def use(opened: FileResponse) -> Result:
                answer = self._checked(opened, start, length, ends)
                if isinstance(answer, Reply):
                    self._location = opened.url
                return answer

            slow = Failure("timeout", None, "the file took too long")
            answer, headers = hub.within(allowed, lambda: sent.send(use)) or (slow, {})
            if isinstance(answer, Reply) and sent.commit is not None and sent.commit != file.commit:
                return Failure("malformed", answer.status, "the Hub answered with another revision"), headers
            return answer, headers

        return hub.send(attempt)

    def _checked(self, opened: FileResponse, start: int, length: int, ends: float) -> Result:
        """The bytes of the range, if the response is about it and has all of them."""
        skipped = 0
        if opened.status == _PARTIAL:
            expected = f"bytes {start}-{start + length - 1}/{self._file.size}"
            found = " ".join(opened.headers.get("content-range", "").split())
            if found not in {expected, f"bytes {start}-{start + length - 1}/*"}:
                return Failure(
                    "malformed", opened.status, "the server sent another range, or the file has another size"
                )
        elif opened.status != _WHOLE:
            return Failure("malformed", opened.status, f"unexpected status {opened.status}")
        else:
            stated = opened.headers.get("content-length", "")
            if stated.isdecimal() and int(stated) != self._file.size:
                message = f"the file has {int(stated):,} bytes instead of {self._file.size:,}"
                return Failure("malformed", opened.status, message)
            if start > _LARGEST_SKIP:
                return Failure("oversized", opened.status, "the server does not support ranges, and the file is large")
            skipped = start
            try:
                self._file.budget.reserve(skipped)
            except RemoteReadError as spent:
                return Failure("oversized", opened.status, str(spent))
        return _read(opened, skipped, length, ends)


def _read(opened: FileResponse, skipped: int, length: int, ends: float) -> Result:
    data = bytearray()
    while len(data) < skipped + length:
        part = opened.body.read(min(1 << 20, skipped + length - len(data)))
        if not part:
            return Failure("network", opened.status, "the response ended early")
        data += part
        if time.monotonic() > ends:
            return Failure("timeout", opened.status, "the file took too long")
    return Reply(opened.status, bytes(data[skipped:]))
