"""Apply deltas, and find the bytes of a result that its base does not contain.

Evidence is a short run of bytes. If a base contains none, any evidence in the result of its delta overlaps bytes that
the delta inserts or a boundary between two pieces. So only these and the adjacent bytes have to be searched.
Format: git's own documentation, gitformat-pack(5), "Deltified representation".
"""

from __future__ import annotations

from typing import NamedTuple

from dulwich._pack import apply_delta

from tokenaudit.git.objects import is_large
from tokenaudit.pack_format import PackHeaderError, delta_sizes

_MOST_PIECES = 200
"""Maximum pieces of a delta; with more, searching the whole result is faster than parsing the delta."""

_SIZE_ZERO = 0x10000
_COPY = 0x80


class DeltaInsertions(NamedTuple):
    """Bytes to search, and the size of the whole result."""

    pieces: bytes
    size: int


class LargeResultError(Exception):
    """The result of a delta is too large to hold in memory."""


def build(base: bytes | None, delta: bytes | None) -> bytes:
    """Apply `delta` to `base`.

    Raises:
        ValueError: the delta does not match the base.
        LargeResultError: the result is too large to hold in memory.
    """
    if base is None or delta is None:
        raise ValueError
    source, target, _ = delta_sizes(delta)
    if source != len(base):
        raise ValueError
    if is_large(target):
        raise LargeResultError
    made = apply_delta(base, delta)
    return made if isinstance(made, bytes) else b"".join(made)


def delta_insertions(base: bytes, delta: bytes, reach: int) -> DeltaInsertions | None:
    """Return bytes with every run of at most `reach + 1` bytes that the result of `delta` contains and `base` does not.

    Return None if the delta has too many pieces or is invalid; the whole result must then be searched.
    """
    size, both, from_bytes = len(delta), 2 * reach, int.from_bytes
    pieces: list[bytes] = []
    built = 0
    try:
        source, target, at = delta_sizes(delta)
        while at < size:
            code = delta[at]
            at += 1
            if code < _COPY:
                pieces.append(delta[at : at + code])
                at += code
                built += code
                if not code:
                    return None
                continue
            if code in _USUAL:
                width, mask, shift = _USUAL[code]
                numbers = from_bytes(delta[at : at + width], "little")
                at += width
                start, length = numbers & mask, numbers >> shift or _SIZE_ZERO
            else:
                start, length, at = _copy(delta, code, at)
            end = start + length
            built += length
            if length > both:
                pieces += base[start : start + reach], base[end - reach : end]
            else:
                pieces.append(base[start:end])
            if end > source or len(pieces) > _MOST_PIECES:
                return None
    except (IndexError, PackHeaderError):
        return None
    fits = source == len(base) and at == size and built == target
    return DeltaInsertions(b"".join(pieces), target) if fits else None


def _copy(delta: bytes, code: int, at: int) -> tuple[int, int, int]:
    """Return offset and length of a copy, and its end. Each bit of `code` is set if a byte of them is present."""
    numbers = [0] * 7
    for bit in range(7):
        if code >> bit & 1:
            numbers[bit] = delta[at]
            at += 1
    return int.from_bytes(numbers[:4], "little"), int.from_bytes(numbers[4:], "little") or _SIZE_ZERO, at


_USUAL = {
    _COPY | (1 << offset) - 1 | ((1 << length) - 1) << 4: (offset + length, (1 << 8 * offset) - 1, 8 * offset)
    for offset in range(5)
    for length in range(4)
}
"""Codes of copies whose numbers have all their low bytes: how many bytes both take together, which bits of them are the
offset, and how far above them the length begins."""
