"""Layout of a pack: many small trees of deltas, each with an undeltified object as its root."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tokenaudit.file_access import open_regular

# What reading costs in nanoseconds, measured: per object, per compressed byte, per byte rebuilt and searched.
_PER_OBJECT, _PER_COMPRESSED, _PER_BYTE = 6000, 7, 0.55


@dataclass(frozen=True)
class DeltaForest:
    """The delta trees of one pack.

    `roots` is the position of the undeltified object that each object is built from, -1 if it can't be built (its base
    is not in the pack, or there is a cycle). `depths` is the number of deltas in between.
    """

    headers: Headers
    lengths: Ints
    roots: Ints
    depths: Ints

    @cached_property
    def types(self) -> npt.NDArray[np.uint8]:
        """Return the type of every object, for a delta the type of its root; 0 if unknown."""
        return np.where(self.roots >= 0, self.headers.types[self.roots], 0).astype(np.uint8)

    @cached_property
    def costs(self) -> npt.NDArray[np.float64]:
        """Return the nanoseconds to read each object, assuming that the result of a delta is as large as its root."""
        built = self.headers.sizes[np.maximum(self.roots, 0)]
        return _PER_OBJECT + _PER_COMPRESSED * self.lengths + _PER_BYTE * built

    def needed_for(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return `wanted` and all objects they are built from."""
        needed = wanted & (self.roots >= 0)
        front = np.nonzero(needed)[0]
        while len(front):
            above = self.headers.parents[front]
            above = above[above >= 0]
            front = distinct(above[~needed[above]])
            needed[front] = True
        return needed

    def sizes_of_trees(self, nodes: Ints) -> Ints:
        """Return for every object the number of `nodes` in its tree, including itself."""
        counts = np.zeros(len(self.roots), np.int64)
        counts[nodes] = 1
        by_depth = nodes[np.argsort(-self.depths[nodes])]
        depths = self.depths[by_depth]
        borders = np.nonzero(np.diff(depths))[0] + 1
        for level in np.split(by_depth, borders):
            if len(level) and self.depths[level[0]] > 0:
                np.add.at(counts, self.headers.parents[level], counts[level])
        return counts


def build_delta_forest(headers: Headers, lengths: Ints) -> DeltaForest:
    """Find the root of every object by pointer doubling."""
    own = np.arange(len(headers.parents))
    jump = np.where(headers.parents < 0, own, headers.parents)
    depth = (jump != own).astype(np.int64)
    for _ in range(max(1, len(own)).bit_length()):
        further = jump[jump]
        if (further == jump).all():
            break
        depth += depth[jump]
        jump = further
    roots = np.where(headers.parents[jump] == -1, jump, -1)
    return DeltaForest(headers, lengths, roots, depth)


def distinct(numbers: Ints) -> Ints:
    """Return `numbers` in ascending order, each once. `np.unique` would import numpy.ma, which takes 20 ms."""
    found: Ints = np.sort(numbers)
    return found[np.flatnonzero(np.append(True, found[1:] != found[:-1])[: len(found)])]


Ids = npt.NDArray[np.uint8]
"""n rows of 20 bytes: raw SHA-1 ids."""

_MAGIC = b"\xfftOc"
_FANOUT = 256 * 4
ID_SIZE = _HASH = 20
_PACK_HEADER = 12
_VERSIONS = frozenset((b"PACK\0\0\0\2", b"PACK\0\0\0\3"))
_LARGE = np.uint32(1 << 31)
_Number = TypeVar("_Number", np.int64, np.uint64)


class PackError(Exception):
    """A pack or its index can't be used; `str()` is the reason in one line."""


@dataclass(frozen=True)
class PackIndex:
    """The objects of one pack, in the order of the pack. `ends` are the offsets where the next objects begin.

    `by_id` are the positions of the objects in the order of the index, usually that of their ids.
    """

    pack: Path
    ids: Ids
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    by_id: npt.NDArray[np.int64]


class PackEnds(NamedTuple):
    """What the first and last bytes of a pack say: number of objects and checksum of the content; and its size."""

    is_supported: bool
    objects: int
    checksum: bytes
    size: int


def pack_ends(pack: Path) -> PackEnds:
    """Read header and trailer of `pack`.

    Raises:
        OSError: it can't be read.
    """
    with open_regular(pack) as file:
        header = file.read(_PACK_HEADER)
        size = file.seek(0, 2)
        file.seek(max(0, size - _HASH))
        trailer = file.read(_HASH)
    return PackEnds(header[:8] in _VERSIONS, int.from_bytes(header[8:], "big"), trailer, size)


def read_index(index: Path) -> PackIndex:
    """Read `index` and check it against its pack as far as possible without reading the pack.

    Raises:
        PackError: either is damaged, missing, of an unknown version, or they don't belong together.
    """
    pack = index.with_suffix(".pack")
    try:
        with open_regular(index) as file:
            # A plain array, because each access to a memmap makes another.
            data = np.asarray(np.memmap(file, dtype=np.uint8, mode="r") if index.stat().st_size else [], np.uint8)
        ends = pack_ends(pack)
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise PackError(message) from error
    ids, offsets = _version_2(data) if data[:4].tobytes() == _MAGIC else _version_1(data)
    size = ends.size
    if not ends.is_supported:
        message = "unsupported pack version"
        raise PackError(message)
    if ends.objects != len(ids) or ends.checksum != data[-2 * _HASH : -_HASH].tobytes():
        message = "does not match its index, or is truncated"
        raise PackError(message)
    order = np.argsort(offsets)
    starts = offsets[order]
    if len(starts) and (starts[0] < _PACK_HEADER or starts[-1] >= size - _HASH or (np.diff(starts) <= 0).any()):
        message = "index points outside the pack"
        raise PackError(message)
    by_id = np.empty(len(order), np.int64)
    by_id[order] = np.arange(len(order))
    return PackIndex(pack, ids.take(order, axis=0), starts, np.append(starts[1:], size - _HASH)[: len(starts)], by_id)


def _version_2(data: Ids) -> tuple[Ids, npt.NDArray[np.int64]]:
    if len(data) < 8 + _FANOUT + 2 * _HASH or data[4:8].tobytes() != b"\0\0\0\2":
        message = "index is damaged or has an unsupported version"
        raise PackError(message)
    count = _count(data[8 : 8 + _FANOUT])
    table = 8 + _FANOUT
    if len(data) < table + count * (_HASH + 8) + 2 * _HASH:
        message = "index is truncated"
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
            message = "index is damaged"
            raise PackError(message)
        offsets[is_large] = large[place]
    return ids, offsets


def _version_1(data: Ids) -> tuple[Ids, npt.NDArray[np.int64]]:
    if len(data) < _FANOUT + 2 * _HASH:
        message = "index is truncated"
        raise PackError(message)
    count = _count(data[:_FANOUT])
    if len(data) != _FANOUT + count * (_HASH + 4) + 2 * _HASH:
        message = "index is damaged or has an unsupported version"
        raise PackError(message)
    table = data[_FANOUT : _FANOUT + count * (_HASH + 4)].reshape(count, _HASH + 4)
    offsets = np.ascontiguousarray(table[:, :4]).view(">u4").reshape(count).astype(np.int64)
    return np.ascontiguousarray(table[:, 4:]), offsets


def _count(fanout: Ids) -> int:
    counts = fanout.view(">u4").astype(np.int64)
    if (np.diff(counts) < 0).any():
        message = "index is damaged"
        raise PackError(message)
    return int(counts[-1])


Ints = npt.NDArray[np.int64]

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
_LONGEST_NUMBER = 10
_ID = np.dtype("S20")


@dataclass(frozen=True)
class Headers:
    """Columns over the objects of a pack, in the order of the pack.

    `bodies` is the offset of the compressed data, `sizes` their inflated size (for a delta, its own size).
    `parents` is the position of a delta's base, -1 for a whole object, -2 where the base is not in this pack or the
    header makes no sense.
    """

    types: npt.NDArray[np.uint8]
    sizes: Ints
    bodies: Ints
    parents: Ints


def read_headers(index: PackIndex, pack: npt.NDArray[np.uint8]) -> Headers:
    """Read the headers from `pack`, the whole content of the pack."""
    at = index.starts.copy()
    first = pack[at]
    types = ((first >> 4) & 7).astype(np.uint8)
    sizes = (first & 15).astype(np.int64)
    at += 1
    more = np.nonzero(first & 0x80)[0]
    for shift in range(4, 4 + 7 * _LONGEST_NUMBER, 7):
        if not len(more):
            break
        byte = pack[np.minimum(at[more], len(pack) - 1)]
        sizes[more] |= (byte & 0x7F).astype(np.int64) << shift
        at[more] += 1
        more = more[(byte & 0x80) != 0]
    parents = np.full(len(at), -1, np.int64)
    parents[more] = -2
    _by_offset(index, pack, np.nonzero(types == OFS_DELTA)[0], at, parents)
    _by_id(index, pack, np.nonzero(types == REF_DELTA)[0], at, parents)
    known = np.isin(types, (COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA))
    parents[~known | (at >= index.ends) | (sizes < 0)] = -2
    return Headers(types, sizes, at, parents)


def _by_offset(index: PackIndex, pack: npt.NDArray[np.uint8], deltas: Ints, at: Ints, parents: Ints) -> None:
    if not len(deltas):
        return
    byte = pack[np.minimum(at[deltas], len(pack) - 1)]
    distance = (byte & 0x7F).astype(np.int64)
    at[deltas] += 1
    more = np.nonzero(byte & 0x80)[0]
    for _ in range(_LONGEST_NUMBER):
        if not len(more):
            break
        byte = pack[np.minimum(at[deltas[more]], len(pack) - 1)]
        distance[more] = ((distance[more] + 1) << 7) | (byte & 0x7F)
        at[deltas[more]] += 1
        more = more[(byte & 0x80) != 0]
    wanted = index.starts[deltas] - distance
    found = _searched(index.starts, wanted)
    parents[deltas] = np.where((index.starts[found] == wanted) & (found < deltas), found, -2)


def _by_id(index: PackIndex, pack: npt.NDArray[np.uint8], deltas: Ints, at: Ints, parents: Ints) -> None:
    if not len(deltas):
        return
    places = np.minimum(at[deltas, None] + np.arange(20), len(pack) - 1)
    wanted = np.ascontiguousarray(pack[places])
    at[deltas] += 20
    found = index.by_id[_places_in(index.ids[index.by_id], wanted)]
    parents[deltas] = np.where((index.ids[found] == wanted).all(axis=1), found, -2)


def _places_in(ids: Ids, wanted: Ids) -> Ints:
    """Return where in `ids`, at least one, each of `wanted` is if it is there."""
    numbers = numbers_of(ids)
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    if (numbers[1:] == numbers[:-1]).any():
        keys = as_keys(ids)
        order = np.argsort(keys, kind="stable")
        place = np.searchsorted(keys, as_keys(wanted), sorter=order)
    else:
        place = np.searchsorted(numbers, numbers_of(wanted))
    return np.asarray(order[np.minimum(place, len(ids) - 1)])


def as_keys(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.bytes_]:
    """Return raw ids as one sortable column. All have the same length, so numpy's padding can't make two ids equal."""
    return np.ascontiguousarray(ids).view(_ID).reshape(len(ids))


def as_rows(names: Iterable[str]) -> Ids:
    """Return hexadecimal ids as rows."""
    return np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(-1, ID_SIZE)


def raw_ids(rows: Ids) -> list[bytes]:
    """Return the ids in `rows`."""
    text = rows.tobytes()
    return [text[at : at + ID_SIZE] for at in range(0, len(text), ID_SIZE)]


def sorted_ids(ids: Ids) -> Ids:
    """Return raw ids in ascending order, each once."""
    numbers = numbers_of(ids)
    order = np.argsort(numbers, kind="stable")
    ids, numbers = ids[order], numbers[order]
    alike = np.nonzero(numbers[1:] == numbers[:-1])[0]
    if (ids[alike] != ids[alike + 1]).any():
        return np.unique(as_keys(ids)).view(np.uint8).reshape(-1, _HASH)
    return np.delete(ids, alike + 1, axis=0)


def first_occurrences(parts: Sequence[Ids], orders: Sequence[Ints]) -> list[npt.NDArray[np.bool_]]:
    """Return which ids of each part are in no part before it. An id that a part contains twice is so twice.

    `orders` are positions in each part. It takes the least time if they are in ascending order of the ids.
    """
    ids = np.concatenate([part[order] for part, order in zip(parts, orders, strict=True)])
    numbers = numbers_of(ids)
    order = np.argsort(numbers, kind="stable")
    is_same = numbers[order[1:]] == numbers[order[:-1]]
    alike = np.flatnonzero(is_same)
    is_first = np.ones(len(ids), bool)
    if len(alike):
        if (ids[order[alike]] != ids[order[alike + 1]]).any():
            _, first, group = np.unique(as_keys(ids), return_index=True, return_inverse=True)
            first = first[group]
        else:
            starts = np.concatenate([[True], ~is_same])
            first = np.empty(len(ids), np.int64)
            first[order] = order[starts][np.cumsum(starts) - 1]
        number = np.repeat(np.arange(len(orders)), [len(each) for each in orders])
        is_first = number[first] == number
    result = []
    for positions, found in zip(
        orders, np.split(is_first, np.cumsum([len(each) for each in orders])[:-1]), strict=True
    ):
        of_part = np.empty(len(found), bool)
        of_part[positions] = found
        result.append(of_part)
    return result


def contained(ids: Ids, within: Ids) -> npt.NDArray[np.bool_]:
    """Return which of `ids` are in `within`, which is sorted, each once."""
    return places_in(ids, within) >= 0


def places_in(ids: Ids, within: Ids) -> Ints:
    """Return the position of each of `ids` in `within`, which is sorted, each once; -1 for those that are not in it."""
    if not len(within):
        return np.full(len(ids), -1)
    numbers = numbers_of(within)
    if (numbers[1:] == numbers[:-1]).any():
        keys = as_keys(within)
        return _if_equal(np.minimum(np.searchsorted(keys, as_keys(ids)), len(within) - 1), ids, within)
    return places_of_numbers(ids, within, numbers)


def places_of_numbers(ids: Ids, within: Ids, numbers: npt.NDArray[np.uint64]) -> Ints:
    """Return the same, given the `numbers_of` of `within`, which are in ascending order, each once."""
    asked = numbers_of(ids)
    place = _searched(numbers, asked)
    near = np.flatnonzero(numbers[place] == asked)
    result = np.full(len(ids), -1)
    result[near] = _if_equal(place[near], ids[near], within)
    return result


def _searched(numbers: npt.NDArray[_Number], asked: npt.NDArray[_Number]) -> Ints:
    """Return where in `numbers`, which ascend, each of `asked` is if it is there: `np.searchsorted`, but in order.

    In order, memory is read from start to end.
    """
    ascending = np.argsort(asked)
    place = np.empty(len(asked), np.int64)
    place[ascending] = np.minimum(np.searchsorted(numbers, asked[ascending]), len(numbers) - 1)
    return place


def _if_equal(places: Ints, ids: Ids, within: Ids) -> Ints:
    """Return `places`, -1 for those where `within` does not have the id."""
    found, wanted = (np.ascontiguousarray(rows).view(np.uint32).reshape(-1, 5) for rows in (within[places], ids))
    is_equal = np.ones(len(places), bool)
    for column in range(5):
        is_equal &= found[:, column] == wanted[:, column]
    return np.where(is_equal, places, -1)


def numbers_of(ids: Ids) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each id as a number: numbers are compared ten times as fast as strings.

    Different ids with equal numbers are compared as strings. Nobody finds them by chance, but they can be made.
    """
    return np.ascontiguousarray(ids[:, :8]).view(">u8").reshape(len(ids)).astype(np.uint64)
