"""Find the trees in packs that lead to some blobs.

In a tree, an id follows a zero byte. Its first bytes after that zero are its window. Every window of a tree that its
delta base does not contain overlaps what the delta inserts, so one pass over all trees notes the windows that appear in
each. A second look at the few trees with a window of a wanted id, and at those that are built from them, finds the ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.pack.contents import contents
from tokenaudit.git.pack.layout import ID_SIZE, DeltaForest, Ids, Ints, PackIndex, distinct
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.texts import ObjectTexts

_REACH = 4
"""Bytes of an id in its window."""

_FILTER = 1 << 16


class LeadingEntries(NamedTuple):
    """Entries of trees that lead to wanted objects, as columns.

    `trees` and `ids`, those of the objects, are rows of raw ids; `names` are modes and names as in the tree.
    """

    trees: Ids
    names: list[bytes]
    ids: Ids

    @classmethod
    def none(cls) -> LeadingEntries:
        """Return no entries."""
        nothing = np.zeros((0, ID_SIZE), np.uint8)
        return cls(nothing, [], nothing)

    @classmethod
    def joined(cls, parts: Sequence[LeadingEntries]) -> LeadingEntries:
        """Return the entries of all `parts`, at least one."""
        names = [name for part in parts for name in part.names]
        return cls(np.concatenate([part.trees for part in parts]), names, np.concatenate([part.ids for part in parts]))


Windows: TypeAlias = tuple[npt.NDArray[np.uint32], Ints]
"""Windows, and the position of the tree in which each appears."""


def read_windows(partition: PackPartition) -> Windows:
    """Return the windows that appear in each tree of `partition`.

    Raises:
        UndecidedError: a tree can't be read.
    """
    return _joined(windows(each) for each in contents(partition, _REACH))


def windows(trees: ObjectTexts) -> Windows:
    """Return the windows in `trees`, or in what they add."""
    places, owners = _ids_in(trees)
    return _windows_at(trees.text, places), trees.nodes[owners]


def _windows_at(text: bytes, places: Ints) -> npt.NDArray[np.uint32]:
    padded = text + bytes(_REACH)
    every: npt.NDArray[np.uint32] = np.ndarray(len(text) + 1, ">u4", padded, strides=(1,))
    return every[places].astype(np.uint32)


def _ids_in(trees: ObjectTexts) -> tuple[Ints, Ints]:
    """Return where an id can begin in the text of `trees`, and which of them it is in."""
    places = np.flatnonzero(np.frombuffer(trees.text, np.uint8) == 0) + 1
    counts = np.diff(np.append(np.searchsorted(places, trees.starts, side="right"), len(places)))
    return places, np.repeat(np.arange(len(counts)), counts)


def _joined(parts: Iterable[Windows]) -> Windows:
    found = list(parts)
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int32)
    return np.concatenate([each for each, _ in found]), np.concatenate([nodes.astype(np.int32) for _, nodes in found])


class WantedIds:
    """Raw ids to find in trees."""

    def __init__(self, ids: Ids) -> None:
        """Prepare to find `ids`, which are sorted."""
        self._ids = ids
        self._windows = np.ascontiguousarray(self._ids[:, :_REACH]).view(">u4").reshape(-1).astype(np.uint32)
        self._table = np.zeros(_FILTER, bool)
        self._table[self._windows % _FILTER] = True

    def near(self, found: npt.NDArray[np.uint32]) -> Ints:
        """Return the positions of the windows in `found` that one of the ids has."""
        places = np.flatnonzero(self._table[found % np.uint32(_FILTER)])
        asked = found[places]
        known = np.minimum(np.searchsorted(self._windows, asked), len(self._windows) - 1)
        return places[self._windows[known] == asked] if len(self._windows) else places[:0]

    def hits(self, found: Windows) -> Ints:
        """Return the positions of the trees in which a window of one of the ids appears."""
        known, nodes = found
        return distinct(nodes[self.near(known)])

    def entries(self, trees: ObjectTexts, ids: Ids) -> LeadingEntries:
        """Return the entries of `trees`, whose raw ids are `ids` by position, for one of the wanted ids."""
        places, owners = _ids_in(trees)
        near = self.near(_windows_at(trees.text, places))
        is_one = self._are_ids(trees.text, places[near]) & (places[near] + ID_SIZE <= trees.ends[owners[near]])
        near = near[is_one]
        found, owners = places[near], owners[near]
        data = np.frombuffer(trees.text, np.uint8)
        rows = data[found[:, None] + np.arange(ID_SIZE)] if len(found) else np.zeros((0, ID_SIZE), np.uint8)
        return LeadingEntries(ids[trees.nodes[owners]], _names(trees, places - 1, near, owners), rows)

    def _are_ids(self, text: bytes, places: Ints) -> npt.NDArray[np.bool_]:
        data = np.frombuffer(text + bytes(ID_SIZE), np.uint8)
        rows = np.lib.stride_tricks.sliding_window_view(data, ID_SIZE)[places]
        first = np.searchsorted(self._windows, _windows_at(text, places))
        result = np.zeros(len(places), bool)
        left = np.arange(len(places))
        while len(left):
            result[left] = (self._ids[first[left]] == rows[left]).all(axis=1)
            left = left[~result[left]]
            first[left] += 1
            left = left[first[left] < len(self._ids)]
            left = left[self._windows[first[left]] == self._windows[first[left] - 1]]
        return result


def _names(trees: ObjectTexts, zeros: Ints, chosen: Ints, owners: Ints) -> list[bytes]:
    """Return the mode and name of entries that end at those of `zeros` that are `chosen`, in the trees `owners`.

    `zeros` are the positions of all zero bytes. The last one before is usually the end of the entry before, whose id
    follows. If it is in that id, it has another one before it, at the end of a name: less than an id away.
    """
    starts, stops = trees.starts[owners], zeros[chosen]
    every = np.concatenate([[-1, -1], zeros])
    before, last = every[chosen], every[chosen + 1]
    is_first = last < starts
    is_clear = is_first | (before < np.maximum(starts, last - ID_SIZE))
    begins = np.where(is_first, starts, last + 1 + ID_SIZE)
    text = trees.text
    return [
        text[begin:stop] if is_sure else _name(text, start, stop)
        for begin, start, stop, is_sure in zip(
            begins.tolist(), starts.tolist(), stops.tolist(), is_clear.tolist(), strict=True
        )
    ]


def _name(text: bytes, start: int, stop: int) -> bytes:
    """Return the mode and name of the entry that ends at `stop` in the tree that begins at `start`."""
    at = start
    while (end := text.find(b"\0", at, stop)) >= 0:
        at = end + 1 + ID_SIZE
    return text[at:stop]


def find_entries(wanted: WantedIds, partition: PackPartition) -> LeadingEntries:
    """Return the entries of the trees of `partition` for the ids in `wanted`.

    Raises:
        UndecidedError: a tree can't be read.
    """
    return LeadingEntries.joined(
        [LeadingEntries.none(), *(wanted.entries(each, partition.ids) for each in contents(partition))]
    )


class PackWindows:
    """The windows of all trees of one pack."""

    def __init__(self, index: PackIndex, forest: DeltaForest, trees: Ints, parts: Iterable[Windows]) -> None:
        """Hold the windows in `parts`, those of the `trees`."""
        self.index, self.forest = index, forest
        self.is_tree = np.zeros(len(forest.roots), bool)
        self.is_tree[trees] = True
        self._windows = _joined(parts)
        deltas = np.flatnonzero(self.is_tree & (forest.headers.parents >= 0))
        parents = forest.headers.parents[deltas]
        order = np.argsort(parents, kind="stable")
        self._deltas, self._parents = deltas[order], parents[order]

    @property
    def ids(self) -> Ids:
        """The raw ids of the trees."""
        return self.index.ids[self.is_tree]

    def leading(self, wanted: WantedIds) -> npt.NDArray[np.bool_]:
        """Return which objects can be trees with one of the ids: those with its window, and what is built from them."""
        found = np.zeros(len(self.is_tree), bool)
        front = wanted.hits(self._windows).astype(np.int64)
        while len(front):
            found[front] = True
            low = np.searchsorted(self._parents, front, side="left")
            counts = np.searchsorted(self._parents, front, side="right") - low
            places = np.repeat(low - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            front = self._deltas[places]
            front = front[~found[front]]
        return found & self.is_tree
