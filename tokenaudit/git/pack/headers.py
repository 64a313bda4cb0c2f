"""The headers of all objects of a pack at once.

Every object in a pack begins with its type and size, and a delta with where its base stands. Reading them one by one
takes longer in Python than searching the content does; as columns of numbers they take next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokenaudit.git.pack.index import PackIndex

Ints = npt.NDArray[np.int64]

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
_LONGEST_NUMBER = 10
_ID = np.dtype("S20")


@dataclass(frozen=True)
class Headers:
    """Columns over the objects of a pack, in the order of the pack.

    `bodies` is where the compressed part begins, `sizes` what it inflates to (a delta's own size for a delta).
    `parents` is the position of a delta's base, -1 for a whole object, -2 where the base is not in this pack or the
    header makes no sense.
    """

    types: npt.NDArray[np.uint8]
    sizes: Ints
    bodies: Ints
    parents: Ints


def read_headers(index: PackIndex, pack: npt.NDArray[np.uint8]) -> Headers:
    """Takes the headers out of `pack`, its whole content."""
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
    found = np.minimum(np.searchsorted(index.starts, wanted), len(index.starts) - 1)
    parents[deltas] = np.where((index.starts[found] == wanted) & (found < deltas), found, -2)


def _by_id(index: PackIndex, pack: npt.NDArray[np.uint8], deltas: Ints, at: Ints, parents: Ints) -> None:
    if not len(deltas):
        return
    places = np.minimum(at[deltas, None] + np.arange(20), len(pack) - 1)
    wanted = as_keys(pack[places])
    at[deltas] += 20
    keys = as_keys(index.ids)
    order = np.argsort(keys, kind="stable")
    found = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    parents[deltas] = np.where(keys[found] == wanted, found, -2)


def as_keys(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.bytes_]:
    """Raw ids as one sortable column. All are of one length, so the padding that numpy ignores can't confuse two."""
    return np.ascontiguousarray(ids).view(_ID).reshape(len(ids))
