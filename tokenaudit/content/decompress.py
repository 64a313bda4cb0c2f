"""Decompresses streams up to the budget: gzip, zlib, bz2, xz, lzma, zstd and lz4."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Protocol

from tokenaudit.content.byte_range import ByteRange, ContentBudget, LimitReachedError
from tokenaudit.zstd import ZstdNotBuiltError, new_zstd_decompressor, zstd_errors

_STEP = 1 << 18
_MOST_AT_ONCE = 1 << 20
_LZ4_STORED = 1 << 31


class Decompressed:
    """The content of a compressed stream as far as it could be decompressed, and why the rest is missing.

    `end` is the position behind the stream, None if unknown.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.broken: str | None = None
        self.cut: str | None = None
        self.end: int | None = None


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def decompress(source: ByteRange, kind: str, budget: ContentBudget) -> Decompressed:
    """The content of the stream of `kind` at the beginning of `source`.

    Raises:
        OSError: the bytes can't be read.
    """
    done = Decompressed()
    try:
        if kind == "lz4":
            _lz4(source, budget, done)
        else:
            _stream(source, kind, budget, done)
    except (LimitReachedError, ZstdNotBuiltError) as error:
        done.cut = str(error)
    return done


def _stream(source: ByteRange, kind: str, budget: ContentBudget, done: Decompressed) -> None:
    decompressor = _new(kind)
    at = 0
    ended = False
    while not ended:
        data = source.read(at, _STEP)
        if not data:
            done.broken = f"the {kind} stream ends too early"
            return
        at += len(data)
        # In small steps: a stream of zeros must not be decompressed completely before it is counted.
        for start in range(0, len(data), _MOST_AT_ONCE >> 10):
            piece = data[start : start + (_MOST_AT_ONCE >> 10)]
            try:
                more = decompressor.decompress(piece)
            except _damage():
                done.broken = f"the {kind} stream is damaged"
                return
            done.data += more
            budget.spend_bytes(len(more))
            ended = decompressor.eof
            if ended:
                done.end = at - len(data) + start + len(piece) - len(decompressor.unused_data)
                break


def _damage() -> tuple[type[Exception], ...]:
    return (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, *zstd_errors())


def _new(kind: str) -> _Decompressor:
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind in {"xz", "lzma"}:
        return lzma.LZMADecompressor(memlimit=1 << 27)
    if kind == "zstd":
        return new_zstd_decompressor()
    return zlib.decompressobj({"gzip": 31, "zlib": 15, "deflate": -15}[kind])


def _lz4(source: ByteRange, budget: ContentBudget, done: Decompressed) -> None:
    """An LZ4 frame, see the format's description (lz4_Frame_format.md)."""
    head = source.read(0, 19)
    if len(head) < 7:  # noqa: PLR2004 - the shortest header
        done.broken = "the lz4 stream ends too early"
        return
    flags = head[4]
    at = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
    checked = 4 if flags & 0x10 else 0
    while True:
        field = source.read(at, 4)
        if len(field) < 4:  # noqa: PLR2004 - a block's size
            done.broken = "the lz4 stream ends too early"
            return
        length = int.from_bytes(field, "little")
        at += 4
        if length == 0:
            done.end = at + (4 if flags & 0x04 else 0)
            return
        stored, length = bool(length & _LZ4_STORED), length & ~_LZ4_STORED
        block = source.read(at, length)
        before = len(done.data)
        if stored:
            done.data += block
        elif not _lz4_block(block, done.data, budget):
            done.broken = "the lz4 stream is damaged"
            return
        budget.spend_bytes(len(done.data) - before)
        if len(block) < length:
            done.broken = "the lz4 stream ends too early"
            return
        at += length + checked


def _lz4_block(block: bytes, out: bytearray, budget: ContentBudget) -> bool:
    at, end, most = 0, len(block), len(out) + budget.bytes_left + 1
    while at < end:
        token = block[at]
        literals, at = _lz4_length(block, at + 1, token >> 4)
        if at + literals > end:
            return False
        out += block[at : at + literals]
        at += literals
        if at >= end:
            return True
        offset = int.from_bytes(block[at : at + 2], "little")
        length, at = _lz4_length(block, at + 2, token & 15)
        length += 4
        if not 0 < offset <= len(out):
            return False
        if len(out) + length > most:
            length = most - len(out)
        pattern = (
            bytes(out[-offset:]) if offset < length else bytes(out[len(out) - offset : len(out) - offset + length])
        )
        out += (pattern * (length // len(pattern) + 1))[:length]
        if len(out) >= most:
            return True
    return True


def _lz4_length(block: bytes, at: int, length: int) -> tuple[int, int]:
    if length == 15:  # noqa: PLR2004 - more bytes follow
        while at < len(block):
            length += block[at]
            at += 1
            if block[at - 1] != 255:  # noqa: PLR2004 - the last of them
                break
    return length, at
