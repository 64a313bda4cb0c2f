"""Find the trees in packs that lead to some blobs.

In a tree, an id follows a zero byte. Its first bytes after that zero are its window. Every window of a tree that its
delta base does not contain overlaps what the delta inserts, so one pass over all trees notes the windows that appear in
each. A second look at the few trees with a window of a wanted id, and at those that are built from them, finds the ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.pack.contents import ObjectTexts, contents
from tokenaudit.git.pack.layout import ID_SIZE, DeltaForest, Ids, Ints, PackIndex, distinct
from tokenaudit.git.pack.reader import PackPartition

_REACH = 4
"""Bytes of an id in its window."""

_FILTER = 1 << 16


class LeadingEntry(NamedTuple):
    """An entry of a tree that leads to a wanted object: its mode and name, as in the tree, and its raw id."""

    name: bytes
    id: bytes


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

    def __init__(self, ids: Collection[bytes]) -> None:
        """Sort `ids`."""
        self._ids = np.frombuffer(b"".join(sorted(ids)), np.uint8).reshape(-1, ID_SIZE)
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

    def entries(self, trees: ObjectTexts) -> list[tuple[int, list[LeadingEntry]]]:
        """Return those of `trees` with entries for one of the ids, by position, with these entries."""
        places, owners = _ids_in(trees)
        near = self.near(_windows_at(trees.text, places))
        places, owners = places[near], owners[near]
        is_one = self._are_ids(trees.text, places) & (places + ID_SIZE <= trees.ends[owners])
        owners = owners[is_one]
        result: list[tuple[int, list[LeadingEntry]]] = []
        last = -1
        columns = (places[is_one], owners, trees.starts[owners], trees.nodes[owners])
        for place, owner, start, node in zip(*(column.tolist() for column in columns), strict=True):
            if owner != last:
                last = owner
                result.append((node, []))
            name = _name(trees.text, start, place - 1)
            result[-1][1].append(LeadingEntry(name, trees.text[place : place + ID_SIZE]))
        return result

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


def _name(text: bytes, start: int, stop: int) -> bytes:
    """Return the mode and name of the entry that ends at `stop` in the tree that begins at `start`."""
    last = text.rfind(b"\0", start, stop)
    if last < 0:
        return text[start:stop]
    # In an id, a zero byte has another one before it, at the end of a name: less than an id away.
    if text.find(b"\0", max(start, last - ID_SIZE), last) < 0:
        return text[last + 1 + ID_SIZE : stop]
    at = start
    while (end := text.find(b"\0", at, stop)) >= 0:
        at = end + 1 + ID_SIZE
    return text[at:stop]


def find_entries(wanted: WantedIds, partition: PackPartition) -> list[tuple[int, list[LeadingEntry]]]:
    """Return the trees of `partition` with entries for the ids in `wanted`, by position.

    Raises:
        UndecidedError: a tree can't be read.
    """
    return [found for each in contents(partition) for found in wanted.entries(each)]


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
