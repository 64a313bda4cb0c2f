"""Number the trees that lead to some blobs, so that equal numbers mean equal entries that lead to these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tokenaudit.git.pack.contents import UndecidedError
from tokenaudit.git.pack.layout import Ids, Ints, places_in, raw_ids, sorted_ids
from tokenaudit.git.pack.trees import LeadingEntries

_FILES = frozenset((b"100644", b"100755", b"100664", b"120000"))
_FOLDER, _SUBMODULE = b"40000", b"160000"


class LeadingTrees:
    """The trees with `LeadingEntries`, sorted, and these entries as columns of positions.

    `folders` is the tree that an entry refers to, -1 for none, and `files` the blob.
    """

    def __init__(self, entries: LeadingEntries, blobs: Ids) -> None:
        """Find the trees and blobs that `entries` refer to; `blobs` are sorted."""
        self._blobs = blobs
        self._trees = sorted_ids(entries.trees)
        codes: dict[bytes, int] = {}
        self._names = np.array([codes.setdefault(name, len(codes)) for name in entries.names], np.int64)
        self._modes = [name[: name.find(b" ")] for name in codes]
        self._owners = places_in(entries.trees, self._trees)
        self._folders = places_in(entries.ids, self._trees)
        self._files = places_in(entries.ids, blobs)

    def _has_mode(self, modes: Collection[bytes]) -> npt.NDArray[np.bool_]:
        """Return which entries have one of `modes`."""
        return np.array([mode in modes for mode in self._modes], bool)[self._names]

    @property
    def are_usual(self) -> bool:
        """Whether each entry has a mode that git writes, and refers to an object of the type that the mode says."""
        is_file, is_folder = self._has_mode(_FILES), self._has_mode((_FOLDER,))
        is_usual = is_file | is_folder | self._has_mode((_SUBMODULE,))
        is_wrong = (is_folder & (self._files >= 0)) | (is_file & (self._folders >= 0))
        return bool(is_usual.all() and not is_wrong.any())

    def named_below(self, trees: Ids) -> frozenset[bytes]:
        """Return the raw ids of the blobs that one of `trees`, or a tree in it, contains."""
        places = places_in(trees, self._trees)
        seen = np.zeros(len(self._trees), bool)
        named = np.zeros(len(self._blobs), bool)
        is_followed = ~self._has_mode((_SUBMODULE,))
        front = np.zeros(len(self._trees), bool)
        front[places[places >= 0]] = True
        while front.any():
            seen |= front
            below = np.flatnonzero(is_followed & front[self._owners])
            files, folders = self._files[below], self._folders[below]
            named[files[files >= 0]] = True
            front = np.zeros(len(self._trees), bool)
            front[folders[folders >= 0]] = True
            front &= ~seen
        return frozenset(raw_ids(self._blobs[named]))

    def numbers(self, alike: Mapping[bytes, bytes]) -> TreeNumbers:
        """Number all trees, bottom up. Blobs with the same value in `alike` count as equal.

        Raises:
            UndecidedError: a tree contains itself, which only a wrong index can claim.
        """
        classes: dict[bytes, int] = {}
        of_blob = [classes.setdefault(alike[blob], len(classes)) for blob in raw_ids(self._blobs)]
        is_file = self._files >= 0
        children = np.where(is_file, -1 - np.array(of_blob, np.int64)[self._files], 0)
        result = TreeNumbers(self._trees)
        waiting = np.ones(len(self._trees), bool)
        while waiting.any():
            ready = waiting.copy()
            ready[self._owners[~is_file & waiting[self._folders]]] = False
            if not ready.any():
                message = "a tree contains itself"
                raise UndecidedError(message)
            mine = np.flatnonzero(ready[self._owners])
            folders = np.where(is_file[mine], 0, result.numbers[self._folders[mine]])
            result.add(self._owners[mine], self._names[mine], children[mine] + folders)
            waiting &= ~ready
        return result


class TreeNumbers:
    """The number of each of some trees, which are sorted. Other trees have no entry that leads to a blob: number 0."""

    def __init__(self, trees: Ids) -> None:
        """Begin without numbers."""
        self._trees = trees
        self.numbers = np.zeros(len(trees), np.int64)
        self._known: dict[bytes, int] = {b"": 0}
        self._contents: dict[int, dict[int, frozenset[int]]] = {}
        self._keys = [b""]
        self._different: dict[tuple[int, tuple[int, ...]], bool] = {}

    def add(self, owners: Ints, names: Ints, children: Ints) -> None:
        """Number the trees at `owners`, given all their entries: names, and numbers of trees or, negative, of blobs."""
        order = np.lexsort((children, names, owners))
        rows = np.stack([owners[order], names[order], children[order]], axis=1)
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        rows = rows[is_new]
        starts = np.flatnonzero(np.append(True, np.diff(rows[:, 0]) != 0))
        text = np.ascontiguousarray(rows[:, 1:]).tobytes()
        known, keys = self._known, self._keys
        places = (2 * rows.itemsize * np.append(starts, len(rows))).tolist()
        numbers = []
        for start, stop in pairwise(places):
            key = text[start:stop]
            number = known.get(key)
            if number is None:
                number = known[key] = len(keys)
                keys.append(key)
            numbers.append(number)
        self.numbers[rows[starts, 0]] = numbers

    def of_all(self, trees: Ids) -> Ints:
        """Return the numbers of trees, given as rows of raw ids."""
        places = places_in(trees, self._trees)
        return np.where(places >= 0, np.append(self.numbers, 0)[places], 0)

    def are_different(self, own: int, parents: tuple[int, ...]) -> bool:
        """Return whether a tree can have an entry that differs from that of all `parents` and involves a blob."""
        if all(parent == own for parent in parents):
            return False
        if len(parents) == 1:
            return True
        key = (own, parents)
        known = self._different.get(key)
        if known is None:
            known = self._different[key] = self._differ(own, parents)
        return known

    def _content(self, number: int) -> dict[int, frozenset[int]]:
        """Return the children of each name in a tree with `number`."""
        found = self._contents.get(number)
        if found is None:
            by_name: dict[int, set[int]] = {}
            for name, child in np.frombuffer(self._keys[number], np.int64).reshape(-1, 2).tolist():
                by_name.setdefault(name, set()).add(child)
            found = self._contents[number] = {name: frozenset(children) for name, children in by_name.items()}
        return found

    def _differ(self, own: int, parents: tuple[int, ...]) -> bool:
        content = self._content(own)
        others = [self._content(parent) for parent in parents]
        if any(name not in content for other in others for name in other):
            return True  # removed, or replaced by something else, which the entries don't tell
        for name, children in content.items():
            beside = [other.get(name, frozenset[int]()) for other in others]
            if len(children) > 1 or any(len(each) > 1 for each in beside):
                return True  # duplicate entries
            (child,) = children
            if child < 0:
                if all(each != children for each in beside):
                    return True
                continue
            if self.are_different(child, tuple(max((0, *each)) for each in beside)):
                return True
        return False
