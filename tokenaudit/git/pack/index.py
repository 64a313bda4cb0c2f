"""Pack indexes, versions 1 and 2: which object stands where in a pack.

Format: git's own documentation, gitformat-pack(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint8]
"""n rows of 20 bytes: raw SHA-1 ids."""

_MAGIC = b"\xfftOc"
_FANOUT = 256 * 4
_HASH = 20
_PACK_HEADER = 12
_LARGE = np.uint32(1 << 31)


class PackError(Exception):
    """A pack or its index can't be used; `str()` says why, in one line."""


@dataclass(frozen=True)
class PackIndex:
    """The objects of one pack in the order in which they stand there. `ends` is where the next one begins."""

    pack: Path
    ids: Ids
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def read_index(index: Path) -> PackIndex:
    """Reads `index` and checks it against its pack as far as that costs nothing.

    Raises:
        PackError: either is damaged, missing, of an unknown version, or they don't belong together.
    """
    pack = index.with_suffix(".pack")
    try:
        data = np.fromfile(index, dtype=np.uint8)
        with pack.open("rb") as file:
            header = file.read(_PACK_HEADER)
            size = file.seek(0, 2)
            file.seek(max(0, size - _HASH))
            trailer = file.read(_HASH)
    except OSError as error:
        message = f"it can't be read: {error.strerror}"
        raise PackError(message) from error
    ids, offsets = _version_2(data) if data[:4].tobytes() == _MAGIC else _version_1(data)
    if header[:4] != b"PACK" or header[4:8] not in {b"\0\0\0\2", b"\0\0\0\3"}:
        message = "it is no pack of a known version"
        raise PackError(message)
    if int.from_bytes(header[8:], "big") != len(ids) or trailer != data[-2 * _HASH : -_HASH].tobytes():
        message = "it does not match its index, or is cut short"
        raise PackError(message)
    order = np.argsort(offsets, kind="stable")
    starts = offsets[order]
    if len(starts) and (starts[0] < _PACK_HEADER or starts[-1] >= size - _HASH or (np.diff(starts) <= 0).any()):
        message = "its index points outside it"
        raise PackError(message)
    return PackIndex(pack, ids[order], starts, np.append(starts[1:], size - _HASH)[: len(starts)])


def _version_2(data: Ids) -> tuple[Ids, npt.NDArray[np.int64]]:
    if len(data) < 8 + _FANOUT + 2 * _HASH or data[4:8].tobytes() != b"\0\0\0\2":
        message = "its index is damaged or of an unknown version"
        raise PackError(message)
    count = _count(data[8 : 8 + _FANOUT])
    table = 8 + _FANOUT
    if len(data) < table + count * (_HASH + 8) + 2 * _HASH:
        message = "its index is cut short"
        raise PackError(message)
    ids = data[table : table + _HASH * count].reshape(count, _HASH)
    table += (_HASH + 4) * count
    short = data[table : table + 4 * count].view(">u4").astype(np.uint32)
    table += 4 * count
    offsets = short.astype(np.int64)
    is_large = (short & _LARGE) != 0
    if is_large.any():
        rest = data[table : -2 * _HASH]
        large = rest[: len(rest) // 8 * 8].view(">u8").astype(np.int64)
        place = (short[is_large] & ~_LARGE).astype(np.int64)
        if (place >= len(large)).any():
            message = "its index is damaged"
            raise PackError(message)
        offsets[is_large] = large[place]
    return ids, offsets


def _version_1(data: Ids) -> tuple[Ids, npt.NDArray[np.int64]]:
    if len(data) < _FANOUT + 2 * _HASH:
        message = "its index is cut short"
        raise PackError(message)
    count = _count(data[:_FANOUT])
    if len(data) != _FANOUT + count * (_HASH + 4) + 2 * _HASH:
        message = "its index is damaged or of an unknown version"
        raise PackError(message)
    table = data[_FANOUT : _FANOUT + count * (_HASH + 4)].reshape(count, _HASH + 4)
    offsets = np.ascontiguousarray(table[:, :4]).view(">u4").reshape(count).astype(np.int64)
    return np.ascontiguousarray(table[:, 4:]), offsets


def _count(fanout: Ids) -> int:
    counts = fanout.view(">u4").astype(np.int64)
    if (np.diff(counts) < 0).any():
        message = "its index is damaged"
        raise PackError(message)
    return int(counts[-1])
