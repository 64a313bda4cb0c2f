"""Headers of packs, deltas and loose objects as gitformat-pack(5) describes them, cut off or damaged in any way."""

from __future__ import annotations

import pytest
from dulwich.pack import create_delta
from hypothesis import given
from hypothesis import strategies as st

from tokenaudit.pack_format import (
    ID_DELTA,
    OFFSET_DELTA,
    TYPES,
    PackHeaderError,
    base_distance,
    delta_number,
    delta_sizes,
    entry_header,
    loose_header,
)


def header_of(code: int, size: int) -> bytes:
    """The header of an entry: three bits of type and four of size, then seven of size a byte, the lowest first."""
    header, size = [code << 4 | size & 15], size >> 4
    while size:
        header[-1] |= 0x80
        header.append(size & 0x7F)
        size >>= 7
    return bytes(header)


def stored_distance(distance: int) -> bytes:
    """A distance: seven bits a byte, the highest first, each byte after the first worth one more."""
    stored = [distance & 0x7F]
    while distance := distance >> 7:
        distance -= 1
        stored.append(0x80 | distance & 0x7F)
    return bytes(reversed(stored))


@given(st.sampled_from(sorted(TYPES)), st.integers(0, 2**60), st.binary(max_size=5))
def test_headers_of_entries_are_read_as_git_writes_them(code: int, size: int, before: bytes) -> None:
    header = header_of(code, size)
    assert entry_header(before + header + b"x", len(before)) == (code, size, len(before) + len(header))
    for end in range(len(header)):
        with pytest.raises(PackHeaderError):
            entry_header(header[:end], 0)


@given(st.integers(1, 2**60), st.integers(0, 2**20))
def test_distances_are_read_as_git_writes_them(distance: int, size: int) -> None:
    header = header_of(OFFSET_DELTA, size) + stored_distance(distance)
    code, found, at = entry_header(header, 0)
    assert (code, found) == (OFFSET_DELTA, size)
    assert base_distance(header + b"x", at) == (distance, len(header))
    for end in range(at, len(header)):
        with pytest.raises(PackHeaderError):
            base_distance(header[:end], at)


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_sizes_of_deltas_are_read_as_dulwich_writes_them(base: bytes, result: bytes) -> None:
    delta = b"".join(create_delta(base, result))
    assert delta_sizes(delta)[:2] == (len(base), len(result))


@pytest.mark.parametrize("read", [entry_header, base_distance, delta_number])
def test_a_number_without_end_is_damaged(read: object) -> None:
    for data in (b"", b"\xff" * 9, b"\xff" * 100_000):
        with pytest.raises(PackHeaderError):
            read(data, 0)  # type: ignore[operator]


@given(st.sampled_from(sorted(TYPES.values())), st.integers(0, 10**18))
def test_headers_of_loose_objects(kind: str, size: int) -> None:
    header = f"{kind} {size}\0".encode()
    assert loose_header(header + b"content") == (kind, size, len(header))
    for damaged in (header[:-1], header[1:], header.replace(b" ", b" 0"), header.replace(b" ", b" -"), b""):
        with pytest.raises(PackHeaderError):
            loose_header(damaged)


def test_ids_of_bases_have_a_code_of_their_own() -> None:
    assert entry_header(header_of(ID_DELTA, 3) + b"\0" * 20, 0) == (ID_DELTA, 3, 1)
