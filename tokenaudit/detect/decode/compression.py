"""Compressed streams: gzip, bzip2, xz, zstd. They are read in bounded steps, to limit memory use."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

from tokenaudit.detect.decode import Decoded, Decoder
from tokenaudit.detect.limits import MIB, Budget
from tokenaudit.detect.literals import Hit

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


class _Gzip:
    """Reader for gzip, including concatenated members, which tolerates trailing garbage."""

    def __init__(self, source: io.BytesIO) -> None:
        self._source = source
        self._left = b""
        self._inflater = zlib.decompressobj(31)

    def read(self, size: int, /) -> bytes:
        while True:
            if self._inflater.eof:
                rest = _following(self._inflater.unused_data, self._source)
                if not rest.lstrip(b"\0").startswith(b"\x1f\x8b"):
                    self._source.seek(-len(rest), io.SEEK_CUR)
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
    return unused if unused.strip(b"\0")[2:] else unused + source.read(_FED)


def _zstd(source: io.BytesIO) -> _Reader:
    import zstandard  # noqa: PLC0415 - rarely needed

    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(source, read_across_frames=True)
    return cast("_Reader", reader)


def _xz(source: io.BytesIO) -> _Reader:
    return _Whole(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 * MIB))


def _bzip2(source: io.BytesIO) -> _Reader:
    return _Whole(source, bz2.BZ2Decompressor)


class _Whole:
    """Reader for bzip2 and xz, including concatenated streams, as the command-line tools write them."""

    def __init__(self, source: io.BytesIO, make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        self._source = source
        self._make = make
        self._decompressor = make()

    def read(self, size: int, /) -> bytes:
        while True:
            fed = b""
            if self._decompressor.eof:
                rest = _following(self._decompressor.unused_data, self._source)
                if rest[:3] not in {b"BZh", b"\xfd7z"}:
                    self._source.seek(-len(rest), io.SEEK_CUR)
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


_DAMAGE: tuple[type[Exception], ...] = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError)


def unwrap_stream(name: str, open_reader: Callable[[io.BytesIO], _Reader]) -> Decoder:
    """Return the decoder for one compression format."""

    def unwrap(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Decoded]:
        end = -1
        for hit in hits:
            if hit.start < end:
                continue
            if not budget.work(_OPEN):
                return
            source = io.BytesIO(data)
            source.seek(hit.start)
            came = 0
            for window, line in windows(_parts(name, open_reader, source, budget, whole=hit.start == 0)):
                came += len(window)
                end = source.tell()
                yield Decoded(window, (name,), hit.start, covers=(hit.start, end), line=line)

    return unwrap


def _parts(
    name: str, open_reader: Callable[[io.BytesIO], _Reader], source: io.BytesIO, budget: Budget, *, whole: bool
) -> Iterator[bytes]:
    start = source.tell()
    came = 0
    try:
        reader = open_reader(source)
        while True:
            part = reader.read(_STEP)
            came += len(part)
            if not part:
                return
            if not budget.spend(len(part)) or budget.grows_too_much(f"{name} data", came, source.tell() - start):
                return
            yield part
    except Exception as error:
        if not isinstance(error, _DAMAGE) and type(error).__name__ != "ZstdError":
            raise
        if (whole and len(source.getbuffer()) >= _SMALLEST) or came >= _WORTH_TELLING:
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
