"""What HDF5 files refer to: external files, external storage, and the configuration of Keras models.

This is not a complete reader. It follows the object headers of the root group and the groups below it in the form that
h5py and Keras write, and finds other structures by their signatures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST = 16 << 20
"""Number of bytes at the beginning that are examined."""

_MOST_MESSAGES, _MOST_LINKS = 1_000_000, 200_000
_EXTERNAL_FILES = 7
_LAYOUT = 8
_VIRTUAL = b"\x04\x03"
_CONTINUATION = 16
_LINK_MESSAGE = re.compile(rb"\x01(?=[\x08-\x0f\x18-\x1f]@)")
"""Version, flags with the bit for a link type, and the type of external links, 64."""

_LINK_VALUE = re.compile(rb"\x00([^\x00-\x1f]+)\x00([^\x00-\x1f]+)\x00+")
_HEADER1 = re.compile(rb"\x01\x00(?=[\x01-\xff][\x00-\x03][\x01-\x10]\x00\x00\x00.[^\x00]?)", re.DOTALL)
_JSON_START = re.compile(rb'\{\s*"(?:class_name|module|backend|config|name|keras_version)"\s*:')


@dataclass
class HdfReferences:
    """The other files that an HDF5 file refers to, by links and as storage of data sets.

    `cut` is whether a limit ended the search.
    """

    external: dict[str, None] = field(default_factory=dict)
    storage: dict[str, None] = field(default_factory=dict)
    cut: bool = False


def read_references(data: bytes) -> HdfReferences:
    """The references in `data`, an HDF5 file or its beginning."""
    found = HdfReferences()
    for number, (kind, message) in enumerate(_messages(data)):
        if number > _MOST_MESSAGES:
            found.cut = True
            break
        if kind == _EXTERNAL_FILES:
            heap = _address(message, 8)
            found.storage.update(dict.fromkeys(_heap_names(data, heap, message)))
        elif kind == _LAYOUT and message[:2] == _VIRTUAL:
            found.storage.update(dict.fromkeys(_virtual_sources(data, message)))
    links = list(islice(_external_links(data), _MOST_LINKS))
    found.cut |= len(links) == _MOST_LINKS
    found.external.update((link, None) for link in links if link)
    return found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of every message of every object header, of both versions."""
    yield from _version2(data)
    yield from _version1(data)


def _version2(data: bytes) -> Iterator[tuple[int, bytes]]:
    for mark in (b"OHDR", b"OCHK"):
        at = data.find(mark)
        while at >= 0:
            yield from _version2_chunk(data, at, first=mark == b"OHDR")
            at = data.find(mark, at + 4)


def _version2_chunk(data: bytes, at: int, *, first: bool) -> Iterator[tuple[int, bytes]]:
    start, end, width = at + 4, at + 4 + (1 << 16), 4
    if first:
        if data[at + 4 : at + 5] != b"\x02":
            return
        flags = data[at + 5] if at + 5 < len(data) else 0
        start = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        size = 1 << (flags & 3)
        end = start + size + int.from_bytes(data[start : start + size], "little")
        start += size
        width = 6 if flags & 0x04 else 4
    while start + width <= min(end, len(data)):
        kind = data[start]
        length = int.from_bytes(data[start + 1 : start + 3], "little")
        if kind > 24 or start + width + length > len(data):  # noqa: PLR2004 - the last message type
            return
        yield kind, data[start + width : start + width + length]
        start += width + length


def _version1(data: bytes) -> Iterator[tuple[int, bytes]]:
    # Version 1 has no signature: a version, a reserved byte, counts, and messages aligned to eight bytes.
    for found in _HEADER1.finditer(data):
        at = found.start()
        count = int.from_bytes(data[at + 2 : at + 4], "little")
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        blocks = [(at + 16, at + 16 + size)]
        while blocks and count > 0:
            start, end = blocks.pop(0)
            while start + 8 <= min(end, len(data)) and count > 0:
                kind = int.from_bytes(data[start : start + 2], "little")
                length = int.from_bytes(data[start + 2 : start + 4], "little")
                if kind > 24 or length % 8:  # noqa: PLR2004 - the last message type
                    blocks.clear()
                    break
                message = data[start + 8 : start + 8 + length]
                yield kind, message
                if kind == _CONTINUATION and len(message) >= 16:  # noqa: PLR2004 - an address and a length
                    there = int.from_bytes(message[:8], "little")
                    blocks.append((there, there + _address(message, 8)))
                start += 8 + length
                count -= 1


def _address(message: bytes, at: int) -> int:
    return int.from_bytes(message[at:][:8], "little")


def _heap_names(data: bytes, heap: int, message: bytes) -> Iterator[str]:
    """The names in a list of external files, which a local heap stores."""
    if data[heap : heap + 4] != b"HEAP":
        return
    segment = int.from_bytes(data[heap + 24 : heap + 32], "little")
    used = int.from_bytes(message[6:8], "little") or int.from_bytes(message[4:6], "little")
    for slot in range(min(used, 256)):
        at = 16 + 24 * slot
        offset = int.from_bytes(message[at : at + 8], "little")
        name = data[segment + offset : max(data.find(b"\x00", segment + offset), 0)]
        if name:
            yield name.decode("utf-8", "backslashreplace")


def _virtual_sources(data: bytes, message: bytes) -> Iterator[str]:
    """The first source file of a virtual data set; `.` is the file itself."""
    collection, index = _address(message, 2), int.from_bytes(message[10:][:4], "little")
    if data[collection : collection + 4] != b"GCOL":
        return  # behind what is read, which `cut` says, or not a message at all
    at = collection + 16
    while at + 16 <= len(data) and (number := int.from_bytes(data[at : at + 2], "little")):
        length = int.from_bytes(data[at + 8 : at + 16], "little")
        if number == index:
            # A version, the number of sources, then the file and data set of each, which end in NUL.
            start = at + 25
            if data[at + 16] > 0:  # since version 1 with flags: 1 stands for the file itself
                start += 1
                if data[at + 25] & 0x04:
                    return
            name = data[start : at + 16 + length].split(b"\x00", 1)[0]
            if name not in {b"", b"."}:
                yield name.decode("utf-8", "backslashreplace")
            return
        at += 16 + (length + 7) // 8 * 8


def _external_links(data: bytes) -> Iterator[str]:
    """The files of external links in object headers and heaps of large groups; "" for what only looks like a link."""
    for found in _LINK_MESSAGE.finditer(data):
        yield _external_link(data[found.start() : found.start() + 4096]) or ""


def _external_link(message: bytes) -> str | None:
    """The file that a link message leads to; None if it is not an external link."""
    flags, at = message[1], 3
    at += 8 if flags & 0x04 else 0
    at += 1 if flags & 0x10 else 0
    width = 1 << (flags & 3)
    at += width + int.from_bytes(message[at : at + width], "little")
    value = message[at + 2 : at + 2 + int.from_bytes(message[at : at + 2], "little")]
    matched = _LINK_VALUE.fullmatch(value)
    return matched[1].decode("utf-8", "backslashreplace") if matched else None


def json_texts(data: bytes) -> Iterator[str]:
    """JSON texts in the file, such as the attribute `model_config`: from a brace to its closing brace."""
    at, looked_at = 0, 0
    while looked_at <= 2 * MOST and (found := _JSON_START.search(data, at)) is not None:
        end, stopped = _closing(data, found.start())
        looked_at += stopped - found.start()
        if end is not None:
            yield data[found.start() : end].decode("utf-8", "replace")
        at = end or found.end()


def _closing(data: bytes, start: int) -> tuple[int | None, int]:
    """The position behind the closing brace of the brace at `start`, None if none, and where the search ended."""
    depth, quoted = 0, False
    for found in re.finditer(rb'\\.|["{}]|\x00', memoryview(data)[start:], re.DOTALL):
        sign = found[0]
        if sign == b'"':
            quoted = not quoted
        elif sign == b"\x00":
            return None, start + found.end()
        elif not quoted and sign == b"{":
            depth += 1
        elif not quoted and sign == b"}":
            depth -= 1
            if depth == 0:
                return start + found.end(), start + found.end()
    return None, len(data)
