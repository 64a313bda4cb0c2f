"""Find the tips of refs that have a file of some name at the top of their tree, as `git cat-file` finds it.

git reads the tree of each tip for this. Here the commits, and then the distinct trees, are each read in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from tokenaudit.git.objects import GitObject, TipTree, Unread
from tokenaudit.git.pack.contents import UndecidedError, contents
from tokenaudit.git.pack.layout import BLOB, COMMIT, ID_SIZE, TAG, TREE, DeltaForest, PackIndex, as_rows, numbers_of
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.texts import ObjectTexts

ReadSome: TypeAlias = Callable[[Sequence[str]], Iterable[GitObject | Unread]]

_CODES = {"blob": BLOB, "commit": COMMIT, "tag": TAG, "tree": TREE}
_LINKS = {COMMIT: b"tree ", TAG: b"object "}
"""How the content of a commit and a tag begins. An id follows."""

_MOST_TAGS = 10
"""Maximum tags of tags, and one more."""

_HEX = re.compile(r"[0-9a-f]*")
_WHEN = re.compile(rb"\ncommitter [^\n]*> (?P<when>\d{1,12}) ")
_DOTS = re.compile(rb"(?:[1-7][0-7]{4,5} \.[^\0/]*\0[\s\S]{20})*")
_ENTRY = re.compile(rb"[1-7][0-7]{4,5} (?P<name>[^\0/]+)\0(?P<id>[\s\S]{20})")


_Place: TypeAlias = tuple[int, int, int]
"""The number of a pack, -1 if the object is loose, its position there, and its type."""

_TYPE = 2


class TipFinder:
    """Finds tips in packs and among loose objects."""

    def __init__(self, packs: Sequence[tuple[PackIndex, DeltaForest]], loose: Collection[str], read: ReadSome) -> None:
        """Prepare `packs`. `loose` are the ids of objects in none of them, and `read` reads some of these."""
        self._packs = packs
        self._numbers = [numbers_of(index.ids)[index.by_id] for index, _ in packs]
        self._loose = frozenset(loose)
        self._read = read
        self._places: dict[str, _Place] = {}
        self._contents: dict[str, GitObject] = {}

    def tips_with(self, name: bytes, tips: Sequence[str], dated: int) -> list[TipTree] | None:
        """Return those of `tips` with a blob called `name` at the top of their tree; None if git must be asked.

        The times are those of the first `dated` distinct trees only.
        """
        try:
            trees = self._trees_of(tips)
            entries = dict(self._entries(frozenset(trees.values()), name))
            self._find(entries.values(), may_be_missing=True)
            has_blob = {tree for tree, entry in entries.items() if self._type(entry) == BLOB}
            found = {tip: trees[tip] for tip in tips if trees.get(tip) in has_blob}
            last = {tree: tip for tip, tree in found.items()}
            times = dict(self._times(list(last.values())[:dated]))
        except (UndecidedError, OSError, MemoryError):
            return None
        return [TipTree(tip, tree, times.get(last[tree], 0)) for tip, tree in found.items()]

    def _trees_of(self, tips: Iterable[str]) -> dict[str, str]:
        """Return the tree of each tip that has one.

        Raises:
            UndecidedError: an object is missing, can't be read, or has an unusual form.
            OSError: a pack can't be read.
        """
        found: dict[str, str] = {}
        left = {tip: tip for tip in tips}
        for _ in range(_MOST_TAGS):
            links: dict[str, str] = {}
            names = set(left.values())
            self._find(names)
            by_type: dict[int, list[str]] = {}
            for name in names:
                by_type.setdefault(self._places[name][_TYPE], []).append(name)
            for code in _LINKS:
                links.update(self._links(by_type.get(code, ()), code))
            trees = frozenset(by_type.get(TREE, ()))
            found |= {tip: name for tip, name in left.items() if name in trees} if trees else {}
            left = {tip: links[name] for tip, name in left.items() if name in links}
            if not left:
                return found
        message = "too many tags of tags"
        raise UndecidedError(message)

    def _find(self, names: Iterable[str], *, may_be_missing: bool = False) -> None:
        """Find the places of objects.

        Raises:
            UndecidedError: one is missing and may not be, or is damaged.
        """
        left = sorted(frozenset(names) - self._places.keys())
        for name in [name for name in left if name in self._loose]:
            for item in self._read([name]):
                if isinstance(item, GitObject):
                    self._contents[name] = item
                    self._places[name] = (-1, 0, _CODES[item.type])
        for number, (index, forest) in enumerate(self._packs):
            left = [name for name in left if name not in self._places]
            if not left or not len(index.ids):
                continue
            rows = as_rows(left)
            near = np.searchsorted(self._numbers[number], numbers_of(rows))
            nodes = index.by_id[np.minimum(near, len(index.ids) - 1)]
            columns = ((index.ids[nodes] == rows).all(axis=1), nodes, forest.types[nodes])
            for name, is_here, node, kind in zip(left, *(column.tolist() for column in columns), strict=True):
                if is_here:
                    self._places[name] = (number, node, kind)
        for name in left:
            place = self._places.get(name)
            is_damaged = place is not None and not place[_TYPE]
            if is_damaged or (name in self._loose and place is None) or (place is None and not may_be_missing):
                message = "an object is missing or damaged"
                raise UndecidedError(message)

    def _type(self, name: str) -> int | None:
        place = self._places.get(name)
        return None if place is None else place[_TYPE]

    def _links(self, names: Collection[str], code: int) -> Iterator[tuple[str, str]]:
        """Yield each of the commits or tags `names` with the id of its tree or object.

        Raises:
            UndecidedError: one can't be read or has an unusual form.
        """
        word = _LINKS[code]
        line = len(word) + 2 * ID_SIZE + 1
        for texts, ids in self._read_all(names):
            rows = np.frombuffer(texts.text + bytes(line), np.uint8)[texts.starts[:, None] + np.arange(line)]
            begin, links, end = rows[:, : len(word)], rows[:, len(word) : -1].tobytes().decode("latin-1"), rows[:, -1]
            if (begin != np.frombuffer(word, np.uint8)).any() or (end != ord("\n")).any() or not _HEX.fullmatch(links):
                message = "a commit or tag begins in an unusual way"
                raise UndecidedError(message)
            yield from zip(ids, _split(links), strict=True)

    def _times(self, tips: Iterable[str]) -> Iterator[tuple[str, int]]:
        for texts, ids in self._read_all([tip for tip in tips if self._type(tip) == COMMIT]):
            for tip, start, end in zip(ids, texts.starts.tolist(), texts.ends.tolist(), strict=True):
                found = _WHEN.search(texts.text, start, end)
                yield tip, int(found["when"]) if found else 0

    def _entries(self, trees: Collection[str], name: bytes) -> Iterator[tuple[str, str]]:
        """Yield those of `trees` that have an entry `name`, with the id of the entry.

        Raises:
            UndecidedError: one can't be read or is malformed.
        """
        for texts, ids in self._read_all(trees):
            for tree, start, end in zip(ids, texts.starts.tolist(), texts.ends.tolist(), strict=True):
                entry = _entry(texts.text, start, end, name)
                if entry is not None:
                    yield tree, entry.hex()

    def _read_all(self, names: Collection[str]) -> Iterator[tuple[ObjectTexts, list[str]]]:
        """Yield the contents of objects, several at a time, with their ids.

        Raises:
            UndecidedError: one can't be read.
        """
        nodes: dict[int, list[int]] = {}
        for name in names:
            number, node, _ = self._places[name]
            nodes.setdefault(number, []).append(node)
        if -1 in nodes:
            alone = [self._contents[name] for name in names if name in self._contents]
            yield ObjectTexts.of([item.data for item in alone]), [item.id for item in alone]
        for number, wanted in nodes.items():
            if number < 0:
                continue
            index, forest = self._packs[number]
            is_wanted = np.zeros(len(forest.roots), bool)
            is_wanted[wanted] = True
            needed = np.flatnonzero(forest.needed_for(is_wanted))
            part = PackPartition(index.pack, index.ids, forest, needed, np.sort(np.array(wanted)), 0)
            for texts in contents(part):
                yield texts, _split(index.ids[texts.nodes].tobytes().hex())


def _entry(text: bytes, start: int, end: int, name: bytes) -> bytes | None:
    """Return the raw id of the entry `name` of the tree from `start` to `end`, as git's `find_tree_entry` finds it.

    Raises:
        UndecidedError: an entry before it is malformed.
    """
    dots = _DOTS.match(text, start, end)
    after = dots.end() if dots else start
    # Most trees have a few names that begin with a dot, in one go, and none of them is the name.
    if text.find(b" %b\0" % name, start, after) < 0 and _walk(text, after, end, name) is None:
        return None
    return _walk(text, start, end, name)


def _walk(text: bytes, at: int, end: int, name: bytes) -> bytes | None:
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


def _split(names: str) -> list[str]:
    return [names[start : start + 2 * ID_SIZE] for start in range(0, len(names), 2 * ID_SIZE)]
