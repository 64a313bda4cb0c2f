"""Compressed streams: several in a row, empty ones, damaged ones, and those that ask for too much memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
from collections.abc import Callable

import pytest

from tests.support import zstd
from tests.support.mint import Mint
from tokenaudit.content.byte_range import ContentBudget, MemoryRange
from tokenaudit.content.changed_content import ContentLimits
from tokenaudit.content.decompress import decompress
from tokenaudit.detect import Detector, Limits

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
every_format = pytest.mark.parametrize("name", COMPRESS)


def found(data: bytes) -> list[str]:
    return [each.secret.reveal() for each in Detector.load().scan(data).detections]


def token_in_lines() -> tuple[str, bytes]:
    token = Mint(1).user_token()
    return token, b"".join(b"%d: some other line\n" % number for number in range(9)) + token.encode() + b"\n"


def to_skip(content: bytes) -> bytes:
    """A frame of Zstandard that readers skip (RFC 8878, 3.1.2)."""
    return struct.pack("<II", 0x184D2A5A, len(content)) + content


@every_format
def test_a_token_that_two_streams_in_a_row_divide_is_found(name: str) -> None:
    token, data = token_in_lines()
    middle = data.index(token.encode()) + 12
    compress = COMPRESS[name]
    assert found(compress(data[:middle]) + compress(b"") + compress(data[middle:])) == [token]


def test_a_frame_that_is_skipped_does_not_end_a_zstd_stream() -> None:
    token, data = token_in_lines()
    middle = data.index(token.encode()) + 12
    assert found(zstd.compress(data[:middle]) + to_skip(b"padding") + to_skip(b"") + zstd.compress(data[middle:])) == [
        token
    ]


@every_format
def test_thousands_of_empty_streams_are_read_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started = 0
    of = {"gzip": "_Gzip", "bzip2": "_Whole", "xz": "_Whole", "zstd": "_Whole"}[name]
    module = sys.modules["tokenaudit.detect.decode.compression"]
    reader = getattr(module, of)

    class Counted(reader):  # type: ignore[misc,valid-type]  # chosen above
        def __init__(self, *arguments: object) -> None:
            nonlocal started
            started += 1
            super().__init__(*arguments)

    monkeypatch.setattr(module, of, Counted)
    token, data = token_in_lines()
    many = COMPRESS[name](b"") * 2000
    assert found(many + b"\nfollowed by\n" + COMPRESS[name](data)) == [token]
    assert started <= 3


@every_format
def test_streams_in_a_row_count_as_work(name: str) -> None:
    _, data = token_in_lines()
    many = COMPRESS[name](b"x") * 3000 + COMPRESS[name](data)
    scanned = Detector.load(limits=Limits(work=20_000_000)).scan(many)
    assert any("work limit" in reason for reason in scanned.skipped)


@every_format
def test_a_truncated_stream_is_reported_and_its_beginning_scanned(name: str) -> None:
    token, data = token_in_lines()
    whole = COMPRESS[name](data + b"".join(b"%d\n" % (number * 7919 % 100_003) for number in range(90_000)))
    scanned = Detector.load().scan(whole[:-9])
    assert [each.secret.reveal() for each in scanned.detections] == [token]
    assert any("damaged or truncated" in reason for reason in scanned.skipped)


def test_a_zstd_stream_that_asks_for_too_large_a_window_is_reported() -> None:
    _, data = token_in_lines()
    asked = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    stream = asked.compress(data) + asked.flush()
    assert any("zstd data is damaged" in reason for reason in Detector.load().scan(stream).skipped)
    read = decompress(MemoryRange(stream), "zstd", ContentBudget(ContentLimits()))
    assert read.broken == "the zstd stream is damaged"


def test_zstd_is_reported_where_python_was_built_without(monkeypatch: pytest.MonkeyPatch) -> None:
    _, data = token_in_lines()
    package = "compression" if sys.version_info >= (3, 14) else "backports"
    monkeypatch.setitem(sys.modules, f"{package}.zstd", None)
    if package in sys.modules:
        monkeypatch.delattr(sys.modules[package], "zstd", raising=False)
    reason = "this Python was built without Zstandard"
    assert Detector.load().scan(zstd.compress(data)).skipped == (f"zstd data can't be read: {reason}",)
    assert decompress(MemoryRange(zstd.compress(data)), "zstd", ContentBudget(ContentLimits())).cut == reason
