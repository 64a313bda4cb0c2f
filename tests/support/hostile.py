"""Git objects and packs that no git would write, put together from bytes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
MIB = 1 << 20


def zeros(size: int, head: bytes = b"", tail: bytes = b"") -> tuple[bytes, bytes]:
    """`head`, `size` zeros and `tail`, compressed, and the SHA-1 of all that.

    The zeros are compressed a stretch at a time, and one stretch is as good as another: that takes next to no time.
    """
    stretch = 16 * MIB
    chunk = bytes(stretch)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(size, stretch)
    first = zlib.compressobj(1, zlib.DEFLATED, -15)
    begin = first.compress(head) + first.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(1, zlib.DEFLATED, -15)
    end = last.compress(bytes(rest) + tail) + last.flush()
    digest = hashlib.sha1(usedforsecurity=False)
    check = 1
    for part in (head, *([chunk] * whole), bytes(rest) + tail):
        digest.update(part)
        check = zlib.adler32(part, check)
    return b"\x78\x01" + begin + packed * whole + end + struct.pack(">L", check), digest.digest()


def loose(objects: Path, content: bytes, name: str | None = None) -> str:
    """A loose object file with any (uncompressed) content; its id."""
    return loose_packed(objects, zlib.compress(content), name or hashlib.sha1(content).hexdigest())  # noqa: S324 - git's


def loose_packed(objects: Path, packed: bytes, name: str) -> str:
    file = objects / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(packed)
    return name


def loose_zeros(objects: Path, size: int, tail: bytes = b"") -> str:
    """A loose blob of zeros, with `tail` at its end."""
    packed, digest = zeros(size, b"blob %d\0" % (size + len(tail)), tail)
    return loose_packed(objects, packed, digest.hex())


def number(value: int) -> bytes:
    """A number in seven bits a byte, the lowest first."""
    found = bytearray()
    while True:
        found.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(found)


def copies(base: int, size: int, tail: bytes = b"") -> bytes:
    """A delta that copies the beginning of a base of `base` bytes until there are `size`, and adds a short `tail`."""
    step = min(base, 0xFFFFFF)
    whole, rest = divmod(size, step)
    code = bytes([0x80 | 0x70]) + step.to_bytes(3, "little")
    last = bytes([0x80 | 0x70]) + rest.to_bytes(3, "little") if rest else b""
    inserted = bytes([len(tail)]) + tail if tail else b""
    return number(base) + number(size + len(tail)) + code * whole + last + inserted


def entry(kind: int, size: int, packed: bytes, base: bytes = b"") -> bytes:
    """An entry of a pack that claims to have `size` bytes. `base` is the id, or the encoded distance, of its base."""
    head = bytearray([kind << 4 | size & 15])
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 127)
        size >>= 7
    return bytes(head) + base + packed


def distance(value: int) -> bytes:
    """How far back the base of an offset delta begins."""
    found = [value & 127]
    value >>= 7
    while value:
        value -= 1
        found.append(0x80 | value & 127)
        value >>= 7
    return bytes(reversed(found))


def write_pack(folder: Path, entries: Sequence[tuple[bytes, bytes]]) -> Path:
    """A pack and its index with (id, entry) each, in this order, whose checksums are right."""
    body = bytearray(struct.pack(">4sLL", b"PACK", 2, len(entries)))
    places = []
    for name, each in entries:
        places.append((name, len(body), zlib.crc32(each)))
        body += each
    trailer = hashlib.sha1(body).digest()  # noqa: S324 - git's
    places.sort()
    fanout = [sum(name[0] <= first for name, _, _ in places) for first in range(256)]
    index = struct.pack(">4sL256L", b"\xfftOc", 2, *fanout) + b"".join(name for name, _, _ in places)
    index += b"".join(struct.pack(">L", crc) for _, _, crc in places)
    index += b"".join(struct.pack(">L", offset) for _, offset, _ in places) + trailer
    path = folder / f"pack-{trailer.hex()}.pack"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(body) + trailer)
    path.with_suffix(".idx").write_bytes(index + hashlib.sha1(index).digest())  # noqa: S324 - git's
    return path
