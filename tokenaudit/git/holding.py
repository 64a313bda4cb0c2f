"""Which trees hold some blobs, directly or in trees of theirs, found from the blobs upwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tokenaudit.git.pack.stored import Stored

Held = tuple[bytes, bytes]
"""Name and raw id of an entry of a tree."""

_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
_ID = re.compile(rb"[0-7]{5,6} [^\0]+\0(.{20})", re.DOTALL)
_SUBMODULE = b"160000"

_PIECE = 8
_MIDDLE = slice(6, 6 + _PIECE)
"""Bytes of an id that stand in one piece where the id comes into a tree. A delta copies what the base has already; that
can take in a byte or two of an id at either end if they happen to be alike there, not six."""


@dataclass
class Holders:
    """Trees that hold wanted blobs: raw id of the tree to those of its entries that lead to one."""

    trees: Mapping[bytes, tuple[Held, ...]]
    blobs: frozenset[bytes]
    _paths: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)

    def paths(self, tree: bytes) -> Mapping[bytes, bytes]:
        """Every path in `tree` at which a wanted blob stands, with its raw id."""
        known = self._paths.get(tree)
        if known is None:
            known = self._paths[tree] = {}
            for name, held in self.trees.get(tree, ()):
                if held in self.blobs:
                    known[name] = held
                if held in self.trees:
                    known |= {name + b"/" + path: blob for path, blob in self.paths(held).items()}
        return known


def holders(trees: Stored, blobs: Iterable[bytes]) -> Holders:
    """All trees in `trees` that hold any of `blobs` (raw ids).

    Raises:
        PackError: a tree can't be built.
    """
    blobs = frozenset(blobs)
    found: dict[bytes, tuple[Held, ...]] = {}
    wanted = set(blobs)
    new = set(blobs)
    while new:
        above: set[bytes] = set()
        for number, content in _showing(trees, new):
            if not new.isdisjoint(_ID.findall(content)):
                name = trees.ids[number].tobytes()
                found[name] = tuple(entry for entry in entries(content) if entry[1] in wanted)
                above.add(name)
        new = above - wanted
        wanted |= new
    return Holders(found, blobs)


def entries(tree: bytes) -> Iterator[Held]:
    """The entries of a tree that are blobs or trees."""
    return ((name, raw) for mode, name, raw in _ENTRY.findall(tree) if mode != _SUBMODULE)


def _showing(trees: Stored, ids: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number and content of all trees of the families in which one of `ids` shows."""
    places = _places(trees.text, frozenset(each[_MIDDLE] for each in ids))
    numbers = np.searchsorted(trees.starts, np.array(places, np.int64), side="right") - 1
    for family in np.unique(trees.families[numbers]).tolist():
        yield from trees.family(family)


def _places(text: bytes, pieces: frozenset[bytes]) -> list[int]:
    """Where one of `pieces` begins. Two bytes at a time are looked up in a table, until few places are left."""
    if len(text) < _PIECE:
        return []
    pairs = [np.zeros(1 << 16, np.bool_) for _ in range(0, _PIECE, 2)]
    for at, known in enumerate(pairs):
        known[[int.from_bytes(piece[2 * at : 2 * at + 2], "little") for piece in pieces]] = True
    found: list[int] = []
    for start in (0, 1):
        words = np.frombuffer(text, "<u2", (len(text) - start) // 2, start)
        left = np.nonzero(pairs[0][words[: len(words) - len(pairs) + 1]])[0]
        for at, known in enumerate(pairs[1:], 1):
            left = left[known[words[left + at]]]
        found += (2 * left + start).tolist()
    return [at for at in found if text[at : at + _PIECE] in pieces]
