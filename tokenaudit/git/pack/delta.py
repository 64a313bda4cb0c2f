"""What a delta can have brought that its base did not hold.

Evidence is a short run of bytes. If a base shows none, then any in its delta's result touches bytes that the delta
inserts, or lies across the seam of two pieces. So those and their neighbourhood are all that has to be searched.
Format: git's own documentation, gitformat-pack(5), "Deltified representation".
"""

from __future__ import annotations

from typing import NamedTuple

_LARGEST_PIECES = 24
_SIZE_ZERO = 0x10000
_MORE = _COPY = 0x80


class Novelty(NamedTuple):
    """Bytes worth searching, and the size of the whole result."""

    pieces: bytes
    size: int


def novelty(base: bytes, delta: bytes, reach: int) -> Novelty | None:  # noqa: C901, PLR0912, PLR0915 - as calls, its steps would take twice the time
    """Bytes that hold every run of at most `reach + 1` bytes that `delta`'s result has and `base` has not.

    None where that isn't worth finding out (too many pieces) or the delta makes no sense; the whole result then has
    to be looked at.
    """
    at = 0
    shift = source = target = 0
    size = len(delta)
    try:
        while True:
            byte = delta[at]
            at += 1
            source |= (byte & 127) << shift
            shift += 7
            if byte < _MORE:
                break
        shift = 0
        while True:
            byte = delta[at]
            at += 1
            target |= (byte & 127) << shift
            shift += 7
            if byte < _MORE:
                break
        if source != len(base):
            return None
        pieces = []
        built = 0
        while at < size:
            code = delta[at]
            at += 1
            if code < _COPY:
                if not code:
                    return None
                pieces.append(delta[at : at + code])
                at += code
                built += code
            else:
                start = length = 0
                if code & 1:
                    start = delta[at]
                    at += 1
                if code & 2:
                    start |= delta[at] << 8
                    at += 1
                if code & 4:
                    start |= delta[at] << 16
                    at += 1
                if code & 8:
                    start |= delta[at] << 24
                    at += 1
                if code & 16:
                    length = delta[at]
                    at += 1
                if code & 32:
                    length |= delta[at] << 8
                    at += 1
                if code & 64:
                    length |= delta[at] << 16
                    at += 1
                length = length or _SIZE_ZERO
                end = start + length
                if length > 2 * reach:
                    pieces += base[start : start + reach], base[end - reach : end]
                else:
                    pieces.append(base[start:end])
                if end > source:
                    return None
                built += length
            if len(pieces) > _LARGEST_PIECES:
                return None
    except IndexError:
        return None
    return Novelty(b"".join(pieces), target) if at == size and built == target else None
