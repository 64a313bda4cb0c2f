"""Commits and trees of a repository, read from its packs: who holds what, without asking git for every commit.

A tree names what it holds by raw id. Most trees are stored as what they change of another one, so the ids that came in
stand in a few dozen bytes each: all of them together are small enough to be kept and searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tokenaudit.git.objects import GitObject
from tokenaudit.git.pack.forest import Forest
from tokenaudit.git.pack.headers import COMMIT, TREE, Ints
from tokenaudit.git.pack.index import Ids, PackError, PackIndex
from tokenaudit.git.pack.stored import Stored, stored_objects

_EMPTY_TREE = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""Git knows it without having it."""

_TREE, _PARENT = b"tree ", b"parent "
_LINE = 48
"""Bytes of a line that names a parent; the one that names the tree is two shorter."""


@dataclass(frozen=True)
class Lineage:
    """A repository's commits, by number, and its trees. A shallow clone's oldest commits have no parents here.

    `commits` are ids, `roots` the ids of their trees. The parents of commit n are
    `parents[firsts[n]:firsts[n + 1]]`, in their order.
    """

    commits: Ids
    roots: Ids
    parents: list[int]
    firsts: list[int]
    trees: Stored

    def parents_of(self, commit: int) -> list[int]:
        """Their numbers."""
        return self.parents[self.firsts[commit] : self.firsts[commit + 1]]

    def reached(self, tips: Iterable[bytes]) -> set[int]:
        """The commits that one of `tips` (ids) is or leads to."""
        wanted = [each for each in tips if len(each) == self.commits.shape[1]]
        here = self._find(np.frombuffer(b"".join(wanted), np.uint8).reshape(-1, self.commits.shape[1]))
        waiting = here[here >= 0].tolist()
        parents, firsts = self.parents, self.firsts
        found: set[int] = set()
        while waiting:
            commit = waiting.pop()
            if commit not in found:
                found.add(commit)
                waiting += parents[firsts[commit] : firsts[commit + 1]]
        return found

    @cached_property
    def _find(self) -> Finder:
        return Finder(self.commits)


class Finder:
    """Tells the numbers of ids."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._order = np.argsort(_beginnings(ids), kind="stable")
        self._sorted = _beginnings(ids)[self._order]

    def __call__(self, wanted: Ids) -> Ints:
        """The number of each of `wanted`; -1 for those that are not there."""
        if not len(self._order):
            return np.full(len(wanted), -1, np.int64)
        places = np.minimum(np.searchsorted(self._sorted, _beginnings(wanted)), len(self._order) - 1)
        found = self._order[places]
        same = (self._ids[found] == wanted).all(axis=1)
        found[~same] = [self._alike(each) for each in wanted[~same]]
        return found

    def _alike(self, name: npt.NDArray[np.uint8]) -> int:
        """For one of several ids that begin alike."""
        first, last = (np.searchsorted(self._sorted, _beginnings(name[None])[0], side) for side in ("left", "right"))
        return next((int(each) for each in self._order[first:last] if (self._ids[each] == name).all()), -1)


def _beginnings(ids: Ids) -> npt.NDArray[np.uint64]:
    """The first eight bytes of each, as a number: far faster to sort than whole ids."""
    return np.ascontiguousarray(ids[:, :8]).view(np.uint64).reshape(len(ids))


def read_lineage(
    packs: Sequence[tuple[PackIndex, Forest]], loose: Sequence[GitObject], shallow: Iterable[str], jobs: int
) -> Lineage | None:
    """All commits and trees in `packs`, and the `loose` ones (other objects there are passed over).

    `shallow` are the commits at which a shallow clone ends. None where something can't be read or is missing, or where
    they are too many to be kept.
    """
    try:
        commits = stored_objects(packs, COMMIT, [item for item in loose if item.type == "commit"], jobs)
        trees = stored_objects(packs, TREE, [item for item in loose if item.type == "tree"], jobs)
        return _linked(commits, trees, {bytes.fromhex(name) for name in shallow})
    except (PackError, OSError):
        return None


def _linked(commits: Stored, trees: Stored, shallow: set[bytes]) -> Lineage:
    text, starts, ends = _whole(commits)
    first = Finder(commits.ids)(commits.ids) == np.arange(len(commits.ids))  # several packs may hold the same commit
    ids, starts, ends = commits.ids[first], starts[first], ends[first]
    data = np.frombuffer(text, np.uint8)
    if not _stands(data, starts, ends, _TREE).all():
        raise _senseless()
    roots = _ids_at(data, starts + len(_TREE))
    there = Finder(trees.ids)(roots) >= 0
    if not all(raw.tobytes() == _EMPTY_TREE for raw in roots[~there]):
        message = "a tree is missing"
        raise PackError(message)
    children, parents = _parents(data, starts + _LINE - 2, ends, Finder(ids))
    if shallow:
        kept = np.array([ids[child].tobytes() not in shallow for child in children], np.bool_)
        children, parents = children[kept], parents[kept]
    if (parents < 0).any():
        message = "a commit is missing"
        raise PackError(message)
    order = np.argsort(children, kind="stable")
    firsts = np.searchsorted(children[order], np.arange(len(starts) + 1))
    return Lineage(ids, roots, parents[order].tolist(), firsts.tolist(), trees)


def _whole(commits: Stored) -> tuple[bytes, Ints, Ints]:
    """All commits' contents, and where each begins and ends: deltas among them are rare, and put behind the others."""
    starts, ends = commits.starts[:-1].copy(), commits.starts[1:].copy()
    built: list[bytes] = []
    size = len(commits.text)
    for family in np.unique(commits.families[commits.bases >= 0]).tolist():
        for number, content in commits.family(family):
            if number != family:
                built.append(content)
                starts[number], ends[number] = size, size + len(content)
                size += len(content)
    return commits.text + b"".join(built), starts, ends


def _parents(data: npt.NDArray[np.uint8], at: Ints, ends: Ints, find: Finder) -> tuple[Ints, Ints]:
    """Numbers of commits and, for each, of one of its parents (-1: missing); the first parents come first."""
    children: list[Ints] = [np.zeros(0, np.int64)]
    parents: list[Ints] = [np.zeros(0, np.int64)]
    left = np.arange(len(at))
    at = at.copy()
    while len(left := left[_stands(data, at[left], ends[left], _PARENT)]):
        children.append(left)
        parents.append(find(_ids_at(data, at[left] + len(_PARENT))))
        at[left] += _LINE
    return np.concatenate(children), np.concatenate(parents)


def _stands(data: npt.NDArray[np.uint8], at: Ints, ends: Ints, word: bytes) -> npt.NDArray[np.bool_]:
    """Whether `word` and an id stand at each of these places."""
    fits = at + len(word) + 40 < ends
    places = np.where(fits, at, 0)
    same = np.ones(len(at), np.bool_)
    for offset, byte in enumerate(word):
        same &= data[places + offset] == byte
    return fits & same


def _ids_at(data: npt.NDArray[np.uint8], at: Ints) -> Ids:
    """The ids that are written out, in hexadecimal, at each of these places."""
    digits = _VALUES[data[at[:, None] + np.arange(40)]]
    if (digits > _LARGEST_DIGIT).any():
        raise _senseless()
    return np.ascontiguousarray(digits[:, 0::2] << 4 | digits[:, 1::2])


_LARGEST_DIGIT = 15
_VALUES = np.full(256, 255, np.uint8)
_VALUES[list(b"0123456789abcdef")] = range(16)


def _senseless() -> PackError:
    return PackError("a commit in it makes no sense")
