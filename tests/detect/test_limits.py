"""Hostile input: bounded, said, and nothing else lost."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest

from tests.support import zstd
from tests.support.mint import Mint
from tokenaudit.detect import Detector, Limits

MIB = 1 << 20
ZEROS = bytes(MIB)


def detector(**limits: float) -> Detector:
    return Detector.load(limits=Limits(**limits))  # type: ignore[arg-type]  # numbers of one kind or another


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_stream_that_grows_is_stopped_and_said(compress: object) -> None:
    bomb = compress(ZEROS * 40)  # type: ignore[operator]  # one of the four
    skipped = detector(size=8 * MIB).scan(bomb).skipped
    assert any("limit of 8 MiB" in reason for reason in skipped)
    assert any("times its size" in reason for reason in detector(ratio=10).scan(bomb).skipped)


def test_what_stands_before_the_limit_is_found_all_the_same() -> None:
    token = Mint(1).user_token()
    found = detector(size=8 * MIB).scan(gzip.compress(token.encode() + b"\n" + ZEROS * 40))
    assert [each.secret.reveal() for each in found.detections] == [token]
    assert found.skipped


def test_nested_bombs_share_one_budget() -> None:
    bomb = archive({"z": ZEROS * 16})
    for level in range(4):
        bomb = archive({f"{level}-{number}.zip": bomb for number in range(8)})
    tracemalloc.start()
    examined = detector(size=64 * MIB).scan(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any("limit of 64 MiB" in reason for reason in examined.skipped)
    assert peak < 256 * MIB


def test_many_members_are_cut_short_and_said() -> None:
    many = archive({f"{number}": b"x" for number in range(200)})
    assert any("members" in reason for reason in detector(entries=50).scan(many).skipped)


def test_depth_is_limited_and_said() -> None:
    data = Mint(2).user_token().encode()
    for _ in range(6):
        data = gzip.compress(data)
    assert detector(depth=6).scan(data).detections
    shallow = detector(depth=5).scan(data)
    assert not shallow.detections
    assert any("more than 5 levels" in reason for reason in shallow.skipped)


@pytest.mark.parametrize("wrap", [gzip.compress, zlib.compress, base64.b64encode])
def test_more_layers_than_the_limit_are_said(wrap: Callable[[bytes], bytes]) -> None:
    data = Mint(2).user_token().encode()
    for _ in range(9):
        data = wrap(data)
    found = detector().scan(data)
    assert not found.detections
    assert any("more than 8 levels" in reason for reason in found.skipped)


def test_work_is_limited_and_said() -> None:
    examined = detector(work=20_000).scan(gzip.compress(Mint(3).user_token().encode()))
    assert any("work limit" in reason for reason in examined.skipped)


def test_work_does_not_depend_on_time() -> None:
    data = b"".join(b"%d %s\n" % (number, Mint(number).user_token().encode()) for number in range(300))
    first, second = (detector(work=6_000_000).scan(data) for _ in range(2))
    assert first.skipped
    assert 0 < len(first.detections) < 300
    assert first == second


def test_evidence_is_limited_and_said() -> None:
    examined = detector(evidence=100).scan(b'"hf_a" + "b"\n' * 1000)
    assert any("candidates" in reason for reason in examined.skipped)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_stream_that_is_cut_off_is_said(compress: object) -> None:
    whole = compress(Mint(4).user_token().encode() * 100)  # type: ignore[operator]  # one of the three
    assert any("truncated" in reason for reason in detector().scan(whole[:-9]).skipped)


def test_an_encrypted_member_is_said_and_the_others_are_read() -> None:
    token = Mint(5).user_token()
    data = bytearray(archive({"closed": b"x", "open": token.encode()}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    examined = detector().scan(bytes(data))
    assert [each.member for each in examined.detections] == ["open"]
    assert examined.skipped == ("closed: encrypted",)


def test_archives_that_cannot_be_opened_are_said() -> None:
    assert detector().scan(b"7z\xbc\xaf\x27\x1c" + bytes(40)).skipped == ("7-Zip archives are not supported",)
    assert detector().scan(b"Rar!\x1a\x07\x01\x00" + bytes(40)).skipped == ("RAR archives are not supported",)


def test_names_of_members_never_show_a_value() -> None:
    token = Mint(6).user_token()
    found = detector().scan(archive({f"{token}/{token}": token.encode()}))
    assert found.detections
    assert not any(token in str(each) for each in (*found.detections, *found.skipped))


def test_a_member_without_a_name_is_a_member() -> None:
    token = Mint("nameless").user_token().encode()
    common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, zlib.crc32(token), len(token), len(token), 0, 0)
    member = b"PK\3\4" + common + token
    listed = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(listed), len(member), 0)
    found = detector().scan(member + listed + end)
    assert [(each.secret.reveal().encode(), each.member) for each in found.detections] == [(token, "")]
    assert found.skipped == ()


def test_escapes_that_stand_for_nothing_are_looked_at_once() -> None:
    token = Mint("escaped").user_token()
    unmoved = f"{token[:20]}&#381;{token[20:]}"
    assert detector().scan(f"{unmoved}\n{token}\n".encode()).detections[0].secret.reveal() == token
    assert detector().scan(unmoved.encode()).skipped == ()


def test_a_magic_number_alone_is_no_damaged_archive() -> None:
    """As code that handles archives writes it down, in clear or in base64."""
    assert detector().scan(b"LITERALS = (b'UEsDBA', b'UEsDBB', b'PK\x03\x04')\n").skipped == ()
    assert detector().scan(b"PK\3\4" + bytes(100)).skipped != ()


def test_the_signature_of_zip_files_in_machine_code_is_no_member() -> None:
    header = b"PK\3\4" + b"\x08\x07\xc9\x01" + b"\xff" * 18 + (9).to_bytes(2, "little") + bytes(2)
    code = bytes(99) + header + b"\x06\x07\xc8\x01 PK\x05\x06" + bytes(999)
    assert Detector.load().scan(code).skipped == ()
    named = code.replace(b"\x06\x07\xc8\x01 PK\x05\x06", b"token.txt")
    assert Detector.load().scan(named).skipped == ("token.txt: encrypted",)
    for flags, method in ((1, 0), (0, 8), (9, 8)):
        nameless = b"PK\3\4" + struct.pack("<HHH", 20, flags, method) + b"\xff" * 20
        nameless = nameless[:26] + bytes(4) + b"\xff" * 99
        assert Detector.load().scan(bytes(99) + nameless).skipped == ()
        assert Detector.load().scan(nameless).skipped != ()
