"""Headers of objects as git stores them: in packs, in deltas and in files of their own. gitformat-pack(5).

On the path of every start, so it imports nothing large; `git/pack/layout.py` reads all headers of a large pack at once.
"""

from __future__ import annotations

import re

TYPES = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
"""Type codes of whole objects."""

OFFSET_DELTA, ID_DELTA = 6, 7
"""Type codes of deltas: the base is named by its distance in the pack, or by its id."""

LONGEST_LOOSE_HEADER = 32
"""Bytes to inflate for the header of a loose object, which has at most 27."""

_LOOSE = re.compile(rb"(blob|commit|tag|tree) (0|[1-9]\d{0,18})\0")
_MORE, _SEVEN = 0x80, 0x7F
_LONGEST_NUMBER = 10
"""Maximum bytes of a number: enough for 64 bits."""


class PackHeaderError(ValueError):
    """A header is cut off, or has a number of more than 64 bits."""


def entry_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the type code and inflated size of the entry at `at`, and where its header ends.

    Raises:
        PackHeaderError: it is cut off or damaged.
    """
    try:
        byte = data[at]
        code, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & _MORE:
            at += 1
            byte = data[at]
            size |= (byte & _SEVEN) << shift
            shift += 7
            if shift > 7 * _LONGEST_NUMBER:
                raise PackHeaderError
    except IndexError:
        raise PackHeaderError from None
    return code, size, at + 1


def base_distance(data: bytes, at: int) -> tuple[int, int]:
    """Return the distance from an entry back to its base, which is stored at `at`, and where that number ends.

    Raises:
        PackHeaderError: it is cut off or damaged.
    """
    try:
        byte = data[at]
        distance = byte & _SEVEN
        for following in range(at + 1, at + _LONGEST_NUMBER):
            if not byte & _MORE:
                return distance, following
            byte = data[following]
            distance = (distance + 1) << 7 | byte & _SEVEN
    except IndexError:
        pass
    raise PackHeaderError


def delta_number(delta: bytes, at: int) -> tuple[int, int]:
    """Return a number at the start of a delta, and where it ends.

    Raises:
        PackHeaderError: it is cut off or damaged.
    """
    number = shift = 0
    try:
        while shift < 7 * _LONGEST_NUMBER:
            byte = delta[at]
            number |= (byte & _SEVEN) << shift
            shift += 7
            at += 1
            if not byte & _MORE:
                return number, at
    except IndexError:
        pass
    raise PackHeaderError


def delta_sizes(delta: bytes) -> tuple[int, int, int]:
    """Return the sizes of the base and of the result of a delta, and where its instructions begin.

    Raises:
        PackHeaderError: they are cut off or damaged.
    """
    base, at = delta_number(delta, 0)
    result, at = delta_number(delta, at)
    return base, result, at


def loose_header(data: bytes) -> tuple[str, int, int]:
    """Return the type and size of an inflated loose object, and where its header ends.

    Raises:
        PackHeaderError: there is none.
    """
    header = _LOOSE.match(data)
    if header is None:
        raise PackHeaderError
    return header[1].decode("ascii"), int(header[2]), header.end()
