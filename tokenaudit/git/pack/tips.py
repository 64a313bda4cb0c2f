"""Find the tips of refs that have a file of some name at the top of their tree, as `git cat-file` finds it.

git reads the tree of each tip for this. Here the commits, and then the distinct trees, are each read in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.objects import GitObject, TipTree, Unread
from tokenaudit.git.pack.contents import UndecidedError, contents
from tokenaudit.git.pack.layout import (
    BLOB,
    COMMIT,
    ID_SIZE,
    TAG,
    TREE,
    DeltaForest,
    Ids,
    Ints,
    PackIndex,
    as_rows,
    contained,
    numbers_of,
    places_in,
    sorted_ids,
)
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.texts import ObjectTexts

ReadSome: TypeAlias = Callable[[Sequence[str]], Iterable[GitObject | Unread]]

_CODES = {"blob": BLOB, "commit": COMMIT, "tag": TAG, "tree": TREE}
_LINKS = {COMMIT: b"tree ", TAG: b"object "}
"""How the content of a commit and a tag begins. An id follows."""

_MOST_TAGS = 10
"""Maximum tags of tags, and one more."""

_LOOSE, _MISSING = -1, -2
_HEX = re.compile(r"[0-9a-f]*")
_WHEN = re.compile(rb"\ncommitter [^\n]*> (?P<when>\d{1,12}) ")
_ENTRY = re.compile(rb"[1-7][0-7]{4,5} (?P<name>[^\0/]+)\0(?P<id>[\s\S]{20})")


class _Places(NamedTuple):
    """Columns: the number of a pack, `_LOOSE` or `_MISSING`; the position there; the type, 0 if it is unknown."""

    packs: Ints
    nodes: Ints
    types: npt.NDArray[np.uint8]


class TipFinder:
    """Finds tips in packs and among loose objects."""

    def __init__(self, packs: Sequence[tuple[PackIndex, DeltaForest]], loose: Collection[str], read: ReadSome) -> None:
        """Prepare `packs`. `loose` are the ids of objects in none of them, and `read` reads some of these."""
        self._packs = packs
        self._numbers = [numbers_of(index.ids)[index.by_id] for index, _ in packs]
        self._loose = frozenset(loose)
        self._read = read
        self._alone: list[GitObject] = []

    def tips_with(self, name: bytes, tips: Sequence[str], dated: int) -> list[TipTree] | None:
        """Return those of `tips` with a blob called `name` at the top of their tree; None if git must be asked.

        The times are those of the first `dated` distinct trees only.
        """
        try:
            rows = as_rows(tips)
            has_tree, trees = self._trees_of(rows)
            with_blob = self._with_blob(sorted_ids(trees[has_tree]), name)
            chosen = np.flatnonzero(has_tree & contained(trees, with_blob)).tolist()
            found = {tips[each]: trees[each].tobytes().hex() for each in chosen}
            last = {tree: tip for tip, tree in found.items()}
            some = list(last.values())[:dated]
            times = dict(zip(some, self._times(as_rows(some)), strict=True))
        except (UndecidedError, OSError, MemoryError):
            return None
        return [TipTree(tip, tree, times.get(last[tree], 0)) for tip, tree in found.items()]

    def _trees_of(self, tips: Ids) -> tuple[npt.NDArray[np.bool_], Ids]:
        """Return which of `tips` have a tree, and which.

        Raises:
            UndecidedError: an object is missing, can't be read, or has an unusual form.
            OSError: a pack can't be read.
        """
        has_tree, trees = np.zeros(len(tips), bool), np.zeros((len(tips), ID_SIZE), np.uint8)
        owners, rows = np.arange(len(tips)), tips
        for _ in range(_MOST_TAGS):
            ids = sorted_ids(rows)
            places, place = self._places(ids), places_in(rows, ids)
            if (places.types == 0).any():
                message = "an object is missing or damaged"
                raise UndecidedError(message)
            is_tree = places.types[place] == TREE
            has_tree[owners[is_tree]] = True
            trees[owners[is_tree]] = rows[is_tree]
            links = np.zeros((len(ids), ID_SIZE), np.uint8)
            for code in _LINKS:
                self._add_links(places, code, links)
            has_link = np.isin(places.types, list(_LINKS))[place]
            if not has_link.any():
                return has_tree, trees
            owners, rows = owners[has_link], links[place[has_link]]
        message = "too many tags of tags"
        raise UndecidedError(message)

    def _with_blob(self, trees: Ids, name: bytes) -> Ids:
        """Return those of `trees`, sorted, that have an entry `name` whose object is a blob.

        Raises:
            UndecidedError: a tree or the object can't be read, or a tree with the name in it is malformed.
        """
        places = self._places(trees)
        if (places.types != TREE).any():
            message = "a tree is missing or damaged"
            raise UndecidedError(message)
        owners: list[int] = []
        entries: list[bytes] = []
        for texts, positions in self._read_all(places, np.arange(len(trees))):
            for each, entry in _entries(texts, name):
                owners.append(int(positions[each]))
                entries.append(entry)
        if not entries:
            return trees[:0]
        found = self._places(np.frombuffer(b"".join(entries), np.uint8).reshape(-1, ID_SIZE))
        if ((found.types == 0) & (found.packs != _MISSING)).any():
            message = "an object is damaged"
            raise UndecidedError(message)
        has_blob: Ints = np.array(owners)[found.types == BLOB]
        return trees.take(np.sort(has_blob), axis=0)

    def _places(self, ids: Ids) -> _Places:
        """Return where objects are."""
        packs, nodes = np.full(len(ids), _MISSING), np.zeros(len(ids), np.int64)
        types = np.zeros(len(ids), np.uint8)
        for number, (index, forest) in enumerate(self._packs):
            left = np.flatnonzero(packs == _MISSING)
            if not len(left) or not len(index.ids):
                continue
            near = np.minimum(np.searchsorted(self._numbers[number], numbers_of(ids[left])), len(index.ids) - 1)
            there = index.by_id[near]
            is_here = (index.ids[there] == ids[left]).all(axis=1)
            left, there = left[is_here], there[is_here]
            packs[left], nodes[left], types[left] = number, there, forest.types[there]
        for each in np.flatnonzero(packs == _MISSING).tolist():
            name = ids[each].tobytes().hex()
            if name in self._loose:
                packs[each], nodes[each] = _LOOSE, len(self._alone)
                for item in self._read([name]):
                    if isinstance(item, GitObject):
                        types[each] = _CODES[item.type]
                        self._alone.append(item)
        return _Places(packs, nodes, types)

    def _add_links(self, places: _Places, code: int, links: Ids) -> None:
        """Set `links` to the ids of the trees or objects that commits or tags name.

        Raises:
            UndecidedError: one can't be read or has an unusual form.
        """
        word = _LINKS[code]
        line = len(word) + 2 * ID_SIZE + 1
        for texts, positions in self._read_all(places, np.flatnonzero(places.types == code)):
            rows = np.frombuffer(texts.text + bytes(line), np.uint8)[texts.starts[:, None] + np.arange(line)]
            begin, names, end = rows[:, : len(word)], rows[:, len(word) : -1].tobytes().decode("latin-1"), rows[:, -1]
            if (begin != np.frombuffer(word, np.uint8)).any() or (end != ord("\n")).any() or not _HEX.fullmatch(names):
                message = "a commit or tag begins in an unusual way"
                raise UndecidedError(message)
            links[positions] = as_rows([names])

    def _times(self, commits: Ids) -> list[int]:
        times = np.zeros(len(commits), np.int64)
        places = self._places(commits)
        for texts, positions in self._read_all(places, np.flatnonzero(places.types == COMMIT)):
            for position, start, end in zip(
                positions.tolist(), texts.starts.tolist(), texts.ends.tolist(), strict=True
            ):
                found = _WHEN.search(texts.text, start, end)
                times[position] = int(found["when"]) if found else 0
        return [int(each) for each in times]

    def _read_all(self, places: _Places, chosen: Ints) -> Iterator[tuple[ObjectTexts, Ints]]:
        """Yield the contents of the `chosen` of `places`, several at a time, with their positions in `places`.

        Raises:
            UndecidedError: one can't be read.
        """
        loose = chosen[places.packs[chosen] == _LOOSE]
        if len(loose):
            yield ObjectTexts.of([self._alone[node].data for node in places.nodes[loose].tolist()]), loose
        for number, (index, forest) in enumerate(self._packs):
            here = chosen[places.packs[chosen] == number]
            if not len(here):
                continue
            here = here[np.argsort(places.nodes[here])]
            nodes = places.nodes[here]
            is_wanted = np.zeros(len(forest.roots), bool)
            is_wanted[nodes] = True
            part = PackPartition(index.pack, index.ids, forest, np.flatnonzero(forest.needed_for(is_wanted)), nodes, 0)
            for texts in contents(part):
                yield texts, here[np.searchsorted(nodes, texts.nodes)]


def _entries(trees: ObjectTexts, name: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield which of `trees` have an entry `name`, with its raw id, as git's `find_tree_entry` finds it.

    Raises:
        UndecidedError: a tree with the name in it is malformed.
    """
    word, ends = b" %b\0" % name, trees.ends
    at = trees.text.find(word)
    while at >= 0:
        owner = int(np.searchsorted(trees.starts, at, side="right")) - 1
        end = int(ends[owner])
        entry = _entry(trees.text, int(trees.starts[owner]), end, name)
        if entry is not None:
            yield owner, entry
        at = trees.text.find(word, end)


def _entry(text: bytes, at: int, end: int, name: bytes) -> bytes | None:
    while at < end:
        found = _ENTRY.match(text, at, end)
        if found is None:
            message = "a tree is malformed"
            raise UndecidedError(message)
        at = found.end()
        other = found["name"]
        if other == name:
            return found["id"]
        if len(other) <= len(name) and other > name[: len(other)]:
            return None  # entries are sorted
    return None
