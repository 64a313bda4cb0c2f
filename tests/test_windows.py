"""Large files are searched in pieces; what is found, and where, is the same as in whole windows."""

from __future__ import annotations

import base64
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit import windows as module
from tokenaudit.detect import Detector
from tokenaudit.sources.local.parallel import examine_file
from tokenaudit.windows import ReadWindow, examine_windows, windows, windows_with_evidence

SCANNER = Detector.load()
REACH = SCANNER.prefilter.reach
SIZES = {"WINDOW": 40_000, "OVERLAP": 6_000, "_PIECE": 5_000}


@pytest.fixture(autouse=True, scope="module")
def small_windows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SIZES.items():
            patch.setattr(module, name, size)
        yield


def whole(data: bytes) -> list[ReadWindow]:
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        at += size
        return data[at - size : at]

    return list(windows(read))


def in_pieces(data: bytes, most: int = 1 << 20) -> list[ReadWindow]:
    def read(size: int, offset: int) -> bytes:
        return data[offset : offset + min(size, most)]

    return list(windows_with_evidence(read, SCANNER.may_contain, REACH))


def content(dice: random.Random) -> bytes:
    """Text with lines or without, in several encodings, with tokens at the borders of pieces and windows."""
    size = dice.choice([0, 4_999, 5_000, 5_001, 34_000, 39_999, 40_000, 40_001, 46_000, dice.randrange(150_000)])
    alphabet = dice.choice([b"ab c", "aé€ ".encode(), b"ab\n", b"a\n", bytes(range(256))])
    data = bytearray(bytes(dice.choices(alphabet, k=997)) * (size // 997 + 1))[:size]
    mint = Mint(dice.randrange(1 << 32))
    for _ in range(dice.choice([0, 1, 1, 5])):
        token = mint.user_token().encode()
        shapes = [token, base64.b64encode(b"key=" + token), token.decode().encode("utf-16-le"), token[:-3], b"hf_xxx"]
        shape = b" " + dice.choice(shapes) + b" "
        border = dice.choice([5_000, 34_000, 40_000, 5_000 - 4 * REACH, dice.randrange(1, 9_000)])
        at = border * dice.randrange(1, 5) - dice.randrange(len(shape) + 1)
        if 0 <= at <= size - len(shape):
            data[at : at + len(shape)] = shape
    return bytes(data)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([700, 1 << 20]))
def test_windows_in_pieces_are_those_of_the_whole(seed: int, most: int) -> None:
    data = content(random.Random(seed))
    expected = whole(data)
    found = in_pieces(data, most)
    assert [(each.line, each.column, each.overlap, each.size) for each in found] == [
        (each.line, each.column, each.overlap, each.size) for each in expected
    ]
    for own, other in zip(found, expected, strict=True):
        assert own.data == other.data if own.data else not SCANNER.may_contain(other.data)
    assert examine_windows(found, SCANNER) == examine_windows(expected, SCANNER)


def test_the_data_of_a_window_without_evidence_is_not_held() -> None:
    data = b"some text without any\n" * 10_000
    assert [each.data for each in in_pieces(data)] == [b""] * len(whole(data))
    token = Mint(1).user_token().encode()
    found = in_pieces(data[:50_000] + b" " + token + b" " + data[50_000:])
    assert [len(each.data) for each in found][:3] == [0, SIZES["WINDOW"], 0]


@pytest.mark.skipif(sys.platform == "win32", reason="files are read in whole windows")
@pytest.mark.parametrize("kept", [0, 3_000, 20_000, 39_000, 60_000])
def test_a_file_that_is_cut_short_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """What is left is scanned. A file that is mapped would end the process."""
    token = Mint(1).user_token().encode()
    text = b"some text without any\n" * 5_000
    file = tmp_path / "file"
    file.write_bytes(text[:10_000] + b" " + token + b" " + text[10_000:])
    real = os.pread
    reads = 0

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 3:
            os.truncate(file, kept)
        return real(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    monkeypatch.setattr("tokenaudit.sources.local.parallel.read_small", lambda _: None)
    examined, size = examine_file(str(file), SCANNER)
    assert size <= len(text)
    assert len(examined.detections) == (kept > 10_000 + len(token))


def test_a_scanner_without_a_known_reach_gets_whole_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_sizes: Callable[[], list[int]]
) -> None:
    class Plain:
        may_contain = staticmethod(SCANNER.may_contain)
        scan = staticmethod(SCANNER.scan)

    file = tmp_path / "file"
    file.write_bytes(b"some text without any\n" * 10_000)
    monkeypatch.setattr("tokenaudit.sources.local.parallel.read_small", lambda _: None)
    _, size = examine_file(str(file), Plain())
    assert size == file.stat().st_size
    assert max(read_sizes()) >= SIZES["WINDOW"]


@pytest.fixture
def read_sizes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    sizes: list[int] = []
    real = os.read

    def read(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(os, "read", read)
    return lambda: sizes
