"""Reads zip archives as lenient loaders do, and reports what is wrong with them.

Python's reader refuses archives that other loaders accept: with a wrong checksum, an "encrypted" flag, or a name that
differs between member and directory. Each of these is reported as a defect, and the member is still read.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import unpack_from

from tokenaudit.content.byte_range import ByteRange, ContentBudget, MemoryRange
from tokenaudit.content.decompress import decompress

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_TAIL = 65_557
_LARGEST_DIRECTORY = 16 << 20
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_METHODS = {0: "stored", 8: "deflate", 12: "bz2", 14: "lzma", 93: "zstd", 95: "xz"}
_LOCAL_SIZE, _CENTRAL_SIZE, _END_SIZE, _END64_SIZE, _LOCATOR_SIZE = 30, 46, 22, 56, 20


@dataclass(frozen=True)
class ZipMember:
    """A member as described by the directory, or by its local header if there is no directory. Sizes are in bytes."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


@dataclass
class ZipDirectory:
    """The members of an archive and its defects. `start` is the offset of the archive in the file."""

    members: list[ZipMember] = field(default_factory=list)
    defects: dict[str, None] = field(default_factory=dict)
    cut: str | None = None
    start: int = 0
    end: int = 0

    def defect(self, text: str) -> None:
        """Records a defect once."""
        self.defects.setdefault(text)


def find_end(source: ByteRange) -> int | None:
    """The position of the end record, None if there is none."""
    start = max(source.size - _TAIL, 0)
    tail = source.read(start, _TAIL)
    at = tail.rfind(_END)
    return start + at if at >= 0 and len(tail) - at >= _END_SIZE else None


def read_directory(source: ByteRange, budget: ContentBudget) -> ZipDirectory:
    """The archive's members by its directory, or by their local headers if it is missing or damaged.

    Raises:
        OSError: the bytes can't be read.
        LimitReachedError: the limit of bytes is exceeded.
    """
    found = ZipDirectory(end=source.size)
    end = find_end(source)
    if end is None:
        found.defect("has no end record")
        found.members = list(_local_members(source, budget))
        return found
    record = source.read(end, _END_SIZE)
    entries, length, offset, comment = unpack_from("<HIIH", record, 10)
    found.end = end + _END_SIZE + comment
    directory_end = end
    if _FULL32 in {length, offset} or entries == _FULL16:
        locator = source.read(end - _LOCATOR_SIZE, _LOCATOR_SIZE) if end >= _LOCATOR_SIZE else b""
        if locator.startswith(_LOCATOR64):
            at = end - _LOCATOR_SIZE - _END64_SIZE
            record = source.read(at, _END64_SIZE) if at >= 0 else b""
            if not record.startswith(_END64):
                at = unpack_from("<Q", locator, 8)[0]
                record = source.read(at, _END64_SIZE)
            if record.startswith(_END64) and len(record) == _END64_SIZE:
                entries, length, offset = unpack_from("<QQQ", record, 32)
                directory_end = at
    found.start = directory_end - length - offset
    if found.start < 0:
        found.defect("has a directory that does not fit in the file")
        found.members = list(_local_members(source, budget))
        return found
    if length > _LARGEST_DIRECTORY:
        found.cut = f"only the first {_LARGEST_DIRECTORY:,} bytes of the archive's directory are read"
    directory = source.read(directory_end - length, min(length, _LARGEST_DIRECTORY))
    found.members = list(_central_members(directory, found.start, found))
    if found.cut is None and len(found.members) != entries:
        found.defect("has a number of members that differs from its end record")
        found.members += [
            each for each in _local_members(source, budget) if each.offset not in {m.offset for m in found.members}
        ]
    _shape(source, found)
    return found


def _shape(source: ByteRange, found: ZipDirectory) -> None:
    if found.start > 0:
        found.defect("follows other data")
    if found.end < source.size:
        found.defect("is followed by other data")
    for name, times in Counter(member.name for member in found.members).items():
        if times > 1:
            found.defect(f"has {times} members with the name {name}")


def _central_members(directory: bytes, start: int, found: ZipDirectory) -> Iterator[ZipMember]:
    at = 0
    while directory[at : at + 4] == _CENTRAL and at + _CENTRAL_SIZE <= len(directory):
        flags, method = unpack_from("<HH", directory, at + 8)
        crc, packed, size, name_size, extra_size, comment_size = unpack_from("<IIIHHH", directory, at + 16)
        offset = unpack_from("<I", directory, at + 42)[0]
        name = directory[at + _CENTRAL_SIZE : at + _CENTRAL_SIZE + name_size]
        extra = directory[at + _CENTRAL_SIZE + name_size :][:extra_size]
        packed, size, offset = _wide(extra, packed, size, offset)
        yield ZipMember(_text(name), flags, method, crc, packed, size, start + offset)
        at += _CENTRAL_SIZE + name_size + extra_size + comment_size
    if at < len(directory) and found.cut is None:
        found.defect("has a damaged directory")


def _wide(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """The sizes, with 64-bit values from the extra field where a 32-bit value is full."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = unpack_from("<HH", extra, at)
        if kind == 1:
            values = [value for (value,) in _quads(extra[at + 4 : at + 4 + length])]
            wide = [size, packed, offset]
            for index, value in enumerate(wide):
                if value == _FULL32 and values:
                    wide[index] = values.pop(0)
            size, packed, offset = wide
        at += 4 + length
    return packed, size, offset


def _quads(data: bytes) -> Iterator[tuple[int]]:
    for at in range(0, len(data) - 7, 8):
        yield unpack_from("<Q", data, at)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _local_members(source: ByteRange, budget: ContentBudget) -> Iterator[ZipMember]:
    """Members in the order of their local headers, for an archive without a directory."""
    at = 0
    while True:
        header = source.read(at, _LOCAL_SIZE)
        if len(header) < _LOCAL_SIZE or not header.startswith(_LOCAL):
            return
        budget.spend_member()
        flags, method = unpack_from("<HH", header, 6)
        crc, packed, size, name_size, extra_size = unpack_from("<IIIHH", header, 14)
        names = source.read(at + _LOCAL_SIZE, name_size + extra_size)
        packed, size, _ = _wide(names[name_size:], packed, size, 0)
        body = at + _LOCAL_SIZE + name_size + extra_size
        if flags & 8 and not packed:
            # The sizes follow the content: the next header, or the end, shows where.
            packed = size = _next_record(source, body) - body
        yield ZipMember(_text(names[:name_size]), flags, method, crc, packed, size, at)
        at = body + packed
        if flags & 8:
            following = source.read(at, 28)
            found = following.find(_LOCAL)
            at += max(found, 0)


_RECORD = re.compile(rb"PK(?:\x03\x04|\x01\x02|\x07\x08)")
_STEP = 1 << 18


def _next_record(source: ByteRange, at: int) -> int:
    """The position of the next record of an archive, or the end."""
    while at < source.size:
        data = source.read(at, _STEP)
        found = _RECORD.search(data)
        if found is not None:
            return at + found.start()
        at += max(len(data) - 3, 1) if at + len(data) < source.size else len(data)
        if not data:
            break
    return source.size


def open_member(
    source: ByteRange, member: ZipMember, found: ZipDirectory, budget: ContentBudget, *, most: int | None = None
) -> ByteRange | None:
    """The content of a member, decompressed; None if it can't be read, which is then one of the defects.

    `most` limits it to its first bytes.

    Raises:
        OSError: the bytes can't be read.
        LimitReachedError: the limit of bytes is exceeded.
    """
    header = source.read(member.offset, _LOCAL_SIZE + 256)
    if len(header) < _LOCAL_SIZE or not header.startswith(_LOCAL):
        found.defect(f"has no member at the position of {member.name} in its directory")
        return None
    flags, method = unpack_from("<HH", header, 6)
    name_size, extra_size = unpack_from("<HH", header, 26)
    name = header[_LOCAL_SIZE : _LOCAL_SIZE + name_size]
    if len(name) == name_size and _text(name) != member.name:
        found.defect(f"names a member {member.name} in its directory but {_text(name)} in its header")
    if (flags | member.flags) & 1:
        found.defect(f"marks {member.name} as encrypted")
    if method != member.method:
        found.defect(f"has two compression methods for {member.name}")
    body = source.part(member.offset + _LOCAL_SIZE + name_size + extra_size, member.packed)
    if body.size < member.packed:
        found.defect(f"ends before the end of {member.name}")
    return _content(body, member, method, found, budget, most)


def _content(
    body: ByteRange, member: ZipMember, method: int, found: ZipDirectory, budget: ContentBudget, most: int | None
) -> ByteRange | None:
    if member.method == 0 or (method == 0 and member.packed == member.size):
        if most is None and body.size <= budget.limits.pickle_bytes // 8:
            data = body.read(0, body.size)
            if zlib.crc32(data) != member.crc and not (member.flags & 8 and not member.crc):
                found.defect(f"has a wrong checksum for {member.name}")
            return MemoryRange(data)
        return body if most is None else body.part(0, most)
    if most == 0:
        return MemoryRange(b"")
    kind = _METHODS.get(member.method)
    if kind is None:
        found.defect(f"has an unknown compression method for {member.name}")
        return None
    if kind == "lzma":
        body = _lzma_alone(body, member)
    done = decompress(body, kind, budget)
    if done.cut is not None:
        found.cut = done.cut
    if done.broken is not None:
        found.defect(f"has a damaged member {member.name}")
    elif done.cut is None and zlib.crc32(done.data) != member.crc:
        found.defect(f"has a wrong checksum for {member.name}")
    return MemoryRange(done.data)


def _lzma_alone(body: ByteRange, member: ZipMember) -> ByteRange:
    """The stream of method 14 with the header that `lzma` reads: properties, then the size if no end is marked."""
    data = body.read(0, body.size)
    size = b"\xff" * 8 if member.flags & 2 else member.size.to_bytes(8, "little")
    return MemoryRange(data[4:9] + size + data[9:])
