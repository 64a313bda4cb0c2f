"""Compressed streams: gzip, bzip2, xz, zstd. They are read in bounded steps, to limit memory use."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tokenaudit.detect.decode import Decoded, Decoder
from tokenaudit.detect.limits import MIB, Budget
from tokenaudit.detect.literals import Hit
from tokenaudit.zstd import ZstdNotBuiltError, new_zstd_decompressor, zstd_errors

WINDOW = 64 * MIB
"""Decompressed bytes to scan together."""

_OVERLAP = 64 << 10
_STEP = 1 * MIB
_FED = 16 << 10
_OPEN = 20_000
"""Nanoseconds to open a stream."""

_WORTH_TELLING = 64
"""Minimum output in bytes for which damage in an embedded stream is reported; less output is a false match."""

_SMALLEST = 18
"""Size of an empty gzip file in bytes. Anything shorter is only the magic number, as in source code with escapes."""


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, size: int, /) -> bytes: ...


class _Gzip:
    """Reader for gzip, including concatenated members, which tolerates trailing garbage."""

    def __init__(self, source: io.BytesIO, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._left = b""
        self._inflater = zlib.decompressobj(31)

    def read(self, size: int, /) -> bytes:
        while True:
            if self._inflater.eof:
                rest = _following(self._inflater.unused_data, self._source)
                if not rest.lstrip(b"\0").startswith(b"\x1f\x8b"):
                    self._source.seek(-len(rest), io.SEEK_CUR)
                    return b""
                if not self._budget.work(_OPEN):
                    return b""
                self._inflater, self._left = zlib.decompressobj(31), rest.lstrip(b"\0")
            fed = self._left or self._source.read(_FED)
            if not fed:
                message = "truncated"
                raise EOFError(message)
            out = self._inflater.decompress(fed, size)
            self._left = self._inflater.unconsumed_tail
            if out:
                return out


def _following(unused: bytes, source: io.BytesIO) -> bytes:
    """Return the bytes after a stream, enough to detect whether another one follows."""
    return unused if unused.strip(b"\0")[3:] else unused + source.read(_FED)


def _zstd(source: io.BytesIO, budget: Budget) -> _Reader:
    return _Whole(source, budget, new_zstd_decompressor, _ZSTD_FRAME)


def _xz(source: io.BytesIO, budget: Budget) -> _Reader:
    return _Whole(source, budget, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 * MIB), _XZ_STREAM)


def _bzip2(source: io.BytesIO, budget: Budget) -> _Reader:
    return _Whole(source, budget, bz2.BZ2Decompressor, _BZIP2_STREAM)


_BZIP2_STREAM = re.compile(rb"BZh")
_XZ_STREAM = re.compile(rb"\xfd7z")
_ZSTD_FRAME = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
"""The beginning of a further frame; the second one is a frame to skip (RFC 8878, 3.1.2)."""


class _Whole:
    """Reader for bzip2, xz and zstd, including concatenated streams, as the command-line tools write them."""

    def __init__(
        self, source: io.BytesIO, budget: Budget, make: Callable[[], _Decompressor], start: re.Pattern[bytes]
    ) -> None:
        self._source = source
        self._budget = budget
        self._make = make
        self._start = start
        self._decompressor = make()

    def read(self, size: int, /) -> bytes:
        while True:
            fed = b""
            if self._decompressor.eof:
                rest = _following(self._decompressor.unused_data, self._source)
                if not self._start.match(rest):
                    self._source.seek(-len(rest), io.SEEK_CUR)
                    return b""
                if not self._budget.work(_OPEN):
                    return b""
                self._decompressor, fed = self._make(), rest
            elif self._decompressor.needs_input:
                fed = self._source.read(_FED)
                if not fed:
                    message = "truncated"
                    raise EOFError(message)
            out = self._decompressor.decompress(fed, size)
            if out:
                return out


def _damage() -> tuple[type[Exception], ...]:
    """Return what reading a damaged stream can raise."""
    return (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError, *zstd_errors())


def unwrap_stream(name: str, open_reader: Callable[[io.BytesIO, Budget], _Reader]) -> Decoder:
    """Return the decoder for one compression format."""

    def unwrap(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
        end = -1
        for hit in hits:
            if hit.start < end:
                continue
            if not budget.work(_OPEN):
                return
            parts = _Parts(name, data, hit.start, budget)
            for window, line in windows(parts.read(open_reader)):
                end = parts.end
                yield Decoded(window, (name,), hit.start, covers=(hit.start, end), line=line)
            if parts.complete:  # even without any content: thousands of empty streams are read once
                end = parts.end

    return unwrap


class _Parts:
    """The parts of the stream that begins at `start`, and of those that follow it without a gap."""

    def __init__(self, name: str, data: bytes, start: int, budget: Budget) -> None:
        self.complete = False
        """Whether the streams were read to their end."""
        self._name = name
        self._source = io.BytesIO(data)
        self._source.seek(start)
        self._start = start
        self._whole = start == 0 and len(data) >= _SMALLEST
        self._budget = budget

    @property
    def end(self) -> int:
        """The position behind what was read."""
        return self._source.tell()

    def read(self, open_reader: Callable[[io.BytesIO, Budget], _Reader]) -> Iterator[bytes]:
        """Yield the decompressed bytes until the streams or the budget end; damage is reported."""
        name, budget = self._name, self._budget
        came = 0
        try:
            reader = open_reader(self._source, budget)
            while True:
                part = reader.read(_STEP)
                came += len(part)
                if not part:
                    self.complete = True
                    return
                if not budget.spend(len(part)):
                    return
                if budget.grows_too_much(f"{name} data", came, self.end - self._start):
                    return
                yield part
        except ZstdNotBuiltError as error:
            budget.skip(f"{name} data can't be read: {error}")
        except _damage():
            if self._whole or came >= _WORTH_TELLING:
                budget.skip(f"{name} data is damaged or truncated after {came} bytes")


def windows(parts: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Join parts into windows with a small overlap; yield (bytes, number of the first line)."""
    held: list[bytes] = []
    size, line = 0, 1
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= WINDOW:
            window = b"".join(held)
            yield window, line
            line += window.count(b"\n", 0, -_OVERLAP)
            held = [window[-_OVERLAP:]]
            size = _OVERLAP
    if held:
        yield b"".join(held), line


unwrap_gzip = unwrap_stream("gzip", _Gzip)
unwrap_bzip2 = unwrap_stream("bzip2", _bzip2)
unwrap_xz = unwrap_stream("xz", _xz)
unwrap_zstd = unwrap_stream("zstd", _zstd)
