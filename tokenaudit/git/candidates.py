"""Find the commits that can add or remove some blobs, without comparing every commit with its parents.

Only entries that lead to one of the blobs matter. A tree is represented by a number for all its entries that do; equal
numbers mean equal entries. A commit whose tree has the same number as those of its parents changes none of the blobs.

The result contains every commit in which git finds such a change, and a few others: git compares them. Commits whose
objects don't tell are in it too, and so are those that no ref leads to if their trees can be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.command import git
from tokenaudit.git.log import MOST_PARENTS
from tokenaudit.git.objects import GitObject, Unread
from tokenaudit.git.pack.layout import DeltaForest, Ids, PackIndex, contained, sorted_ids
from tokenaudit.git.pack.partition import divided, pack_partitions
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.trees import (
    CommitLinks,
    LeadingEntry,
    PackWindows,
    UndecidedError,
    Windows,
    by_window,
    entries_of,
    find_entries,
    hits,
    read_links,
    read_windows,
    split,
    windows,
)
from tokenaudit.git.parallel import WorkerError, run_all

_ID_SIZE = 20
_SHARES_PER_JOB = 3
_MOST_LEVELS = 100
"""Maximum depth of folders; git is asked about deeper ones."""

_UNKNOWN = -1

ReadLoose: TypeAlias = Callable[[Sequence[tuple[str, Path]]], Iterable[GitObject | Unread]]
Packs: TypeAlias = Sequence[tuple[PackIndex, DeltaForest]]
_Entries: TypeAlias = dict[bytes, list[LeadingEntry]]


def commits_to_compare(
    git_dir: Path,
    packs: Packs,
    loose: Sequence[tuple[str, Path]],
    blobs: Iterable[str],
    jobs: int,
    *,
    read: ReadLoose,
    are_packs_complete: bool,
) -> frozenset[str] | None:
    """Return ids of commits, among them all that add or remove one of `blobs`; None if that can't be decided.

    `loose` are the ids and files of all objects that are in none of `packs`; `read` reads commits and trees among them.
    Up to `jobs` processes run in parallel.
    With `are_packs_complete`, everything that a commit in a pack refers to is assumed to be there.

    Raises:
        GitError: the refs can't be read.
    """
    wanted = frozenset(map(bytes.fromhex, blobs))
    try:
        history = _read(packs, loose, read, jobs)
        entries = _leading(history, wanted, jobs)
        complete = history.packed if are_packs_complete else 0
        return _compared(git_dir, history, _Numbers(entries, wanted), complete)
    except (UndecidedError, WorkerError, OSError, MemoryError):
        return None  # git compares all commits, and says what is wrong


@dataclass(frozen=True)
class _LooseTrees:
    files: Sequence[tuple[str, Path]]
    windows: Windows
    read: ReadLoose

    def find(self, wanted: Mapping[int, Sequence[bytes]]) -> Iterator[tuple[bytes, list[LeadingEntry]]]:
        """Yield the trees with entries for the ids in `wanted`."""
        chosen = sorted(wanted)
        files = [self.files[each] for each in chosen]
        for number, found in zip(chosen, _loose(self.read, files, "tree"), strict=True):
            entries, _ = entries_of(found.data, wanted[number])
            if entries:
                yield bytes.fromhex(found.id), entries


@dataclass(frozen=True)
class _History:
    packs: Sequence[PackWindows]
    loose: _LooseTrees
    links: CommitLinks
    packed: int
    """The first so many commits are in packs."""

    def trees(self) -> Ids:
        """Return the raw ids of all trees, sorted."""
        alone = np.frombuffer(bytes.fromhex("".join(name for name, _ in self.loose.files)), np.uint8)
        return sorted_ids(np.concatenate([alone.reshape(-1, _ID_SIZE), *(pack.ids for pack in self.packs)]))


def _loose(read: ReadLoose, files: Sequence[tuple[str, Path]], *types: str) -> list[GitObject]:
    found = list(read(files))
    unread = [item for item in found if isinstance(item, Unread)]
    if unread:
        raise UndecidedError(unread[0].reason)
    return [item for item in found if isinstance(item, GitObject) and item.type in types]


def _read(packs: Packs, loose: Sequence[tuple[str, Path]], read: ReadLoose, jobs: int) -> _History:
    partitions, unread = pack_partitions(packs, jobs * _SHARES_PER_JOB, ("commit", "tree"))
    if unread:
        raise UndecidedError(unread[0].reason)
    parts = [part for each in partitions if isinstance(each, PackPartition) for part in split(each)]
    done = run_all([(partial(_read_part, part), part.size) for part in parts], jobs)
    found: list[PackWindows] = []
    links = [each for each in done if isinstance(each, CommitLinks)]
    for index, forest in packs:
        of_pack = [
            (part, each)
            for part, each in zip(parts, done, strict=True)
            if part.pack == index.pack and not isinstance(each, CommitLinks)
        ]
        if of_pack:
            trees = np.concatenate([part.wanted for part, _ in of_pack])
            found.append(PackWindows(index, forest, trees, [each for _, each in of_pack]))
    packed = sum(len(each.counts) for each in links)
    alone = _loose(read, loose, "commit", "tree")
    links.append(read_links(item for item in alone if item.type == "commit"))
    files = dict(loose)
    trees_alone = [item for item in alone if item.type == "tree"]
    starts = np.cumsum([0, *(len(item.data) for item in trees_alone)])[:-1]
    text = b"".join(item.data for item in trees_alone)
    seen = windows(text, starts, np.arange(len(trees_alone)))
    return _History(
        found, _LooseTrees([(item.id, files[item.id]) for item in trees_alone], seen, read), _merged(links), packed
    )


def _read_part(part: PackPartition) -> CommitLinks | Windows:
    is_commits = part.forest.types[part.wanted[0]] == 1
    return read_links(part.read()) if is_commits else read_windows(part)


def _merged(links: Sequence[CommitLinks]) -> CommitLinks:
    return CommitLinks(
        b"".join(each.ids for each in links),
        b"".join(each.trees for each in links),
        np.concatenate([each.counts for each in links]),
        b"".join(each.parents for each in links),
        tuple(name for each in links for name in each.odd),
    )


def _leading(history: _History, blobs: frozenset[bytes], jobs: int) -> _Entries:
    """Return the entries of all trees that lead to one of `blobs`, level by level from those that contain one."""
    result: _Entries = {}
    level = blobs
    for _ in range(_MOST_LEVELS):
        wanted = by_window(level)
        found: _Entries = {}
        for pack in history.packs:
            found.update(_found_in(pack, wanted, jobs))
        found.update(history.loose.find(hits(history.loose.windows, wanted)))
        level = frozenset(found.keys() - result.keys())
        for tree, entries in found.items():
            result.setdefault(tree, []).extend(entries)
        if not level:
            return result
    message = f"folders deeper than {_MOST_LEVELS}"
    raise UndecidedError(message)


def _found_in(
    pack: PackWindows, wanted: Mapping[int, Sequence[bytes]], jobs: int
) -> Iterator[tuple[bytes, list[LeadingEntry]]]:
    seen = pack.hits(wanted)
    if not seen:
        return
    parts = list(divided(pack.index, pack.forest, pack.built_from(seen), jobs * _SHARES_PER_JOB))
    done = run_all([(partial(find_entries, part, seen), part.size) for part in parts], jobs)
    for each in done:
        for node, entries in each:
            yield pack.index.ids[node].tobytes(), entries


class _Numbers:
    """Numbers of trees: equal for trees whose entries that lead to the blobs are equal, 0 without such entries."""

    def __init__(self, entries: _Entries, blobs: frozenset[bytes]) -> None:
        self._entries, self._blobs = entries, blobs
        self._known: dict[bytes, int] = {}
        self._numbers: dict[tuple[tuple[bytes, bool, bytes | int], ...], int] = {}
        self._contents: list[dict[bytes, set[tuple[bool, bytes | int]]]] = [{}]
        self._different: dict[tuple[int, tuple[int, ...]], bool] = {}

    def of(self, tree: bytes) -> int:
        """Return the number of the tree with the raw id `tree`.

        Raises:
            UndecidedError: the tree contains itself, which only a wrong index can claim.
        """
        known = self._known.get(tree)
        if known is not None:
            if known == _UNKNOWN:
                message = "a tree contains itself"
                raise UndecidedError(message)
            return known
        if tree not in self._entries:
            return 0
        self._known[tree] = _UNKNOWN
        key = tuple(sorted({self._child(entry) for entry in self._entries[tree]}, key=repr))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._contents)
            content: dict[bytes, set[tuple[bool, bytes | int]]] = {}
            for name, *child in key:
                content.setdefault(name, set()).add((child[0], child[1]))  # type: ignore[arg-type] # of a tuple
            self._contents.append(content)
        self._known[tree] = number
        return number

    def _child(self, entry: LeadingEntry) -> tuple[bytes, bool, bytes | int]:
        return (entry.name, True, entry.id) if entry.id in self._blobs else (entry.name, False, self.of(entry.id))

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

    def _differ(self, own: int, parents: tuple[int, ...]) -> bool:
        content = self._contents[own]
        others = [self._contents[parent] for parent in parents]
        if any(name not in content for other in others for name in other):
            return True  # removed, or replaced by something else, which the entries don't tell
        for name, children in content.items():
            beside = [other.get(name, set()) for other in others]
            if len(children) > 1 or any(len(each) > 1 for each in beside):
                return True  # duplicate entries
            ((is_blob, child),) = children
            if is_blob or isinstance(child, bytes):
                if all(each != children for each in beside):
                    return True
                continue
            numbers = tuple(next((each for _, each in other if isinstance(each, int)), 0) for other in beside)
            if self.are_different(child, numbers):
                return True
        return False


def _compared(git_dir: Path, history: _History, numbers: _Numbers, complete: int) -> frozenset[str]:
    links = history.links
    count = len(links.counts)
    ids = _rows(links.ids)
    trees = [links.trees[at : at + _ID_SIZE] for at in range(0, len(links.trees), _ID_SIZE)]
    own = np.fromiter(map(numbers.of, trees), np.int64, count)
    own[~contained(_rows(links.trees), history.trees())] = _UNKNOWN
    parents = _places(ids, _rows(links.parents))
    children = np.repeat(np.arange(count), links.counts)
    above = np.where(parents >= 0, own[parents], _UNKNOWN) if count else parents
    differs = (own[children] != above) | (above == _UNKNOWN)
    chosen = ((links.counts == 0) & (own != 0)) | (own == _UNKNOWN) | (links.counts > MOST_PARENTS)
    chosen[children[differs]] = True
    first = np.concatenate([[0], np.cumsum(links.counts)])
    for each in np.flatnonzero(chosen & (links.counts > 1) & (links.counts <= MOST_PARENTS)).tolist():
        low, high = int(first[each]), int(first[each + 1])
        if own[each] != _UNKNOWN and (above[low:high] != _UNKNOWN).all():
            is_equal = any(trees[parent] == trees[each] for parent in parents[low:high].tolist())
            chosen[each] = not is_equal and numbers.are_different(int(own[each]), tuple(above[low:high].tolist()))
    if complete < count:
        chosen[complete:] |= ~_reached(git_dir, ids, first, parents)[complete:]
    text = ids[chosen].tobytes().hex()
    return frozenset([*(text[at : at + 40] for at in range(0, len(text), 40)), *(name.hex() for name in links.odd)])


def _rows(ids: bytes) -> Ids:
    return np.frombuffer(ids, np.uint8).reshape(-1, _ID_SIZE)


def _places(ids: Ids, wanted: Ids) -> npt.NDArray[np.int64]:
    """Return the place of each of `wanted` in `ids`, -1 if it is not there."""
    if not len(ids):
        return np.full(len(wanted), -1)
    numbers = np.ascontiguousarray(ids[:, :8]).view(">u8").reshape(len(ids)).astype(np.uint64)
    order = np.argsort(numbers)
    numbers = numbers[order]
    if (numbers[1:] == numbers[:-1]).any():
        message = "ids that begin alike"
        raise UndecidedError(message)
    asked = np.ascontiguousarray(wanted[:, :8]).view(">u8").reshape(len(wanted)).astype(np.uint64)
    place = order[np.minimum(np.searchsorted(numbers, asked), len(ids) - 1)]
    return np.where((ids[place] == wanted).all(axis=1), place, -1)


def _reached(
    git_dir: Path, ids: Ids, first: npt.NDArray[np.int64], parents: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which commits any ref leads to."""
    tips = git("rev-list", "--no-walk=unsorted", "--ignore-missing", "--all", git_dir=git_dir).decode("ascii").split()
    waiting = _places(ids, _rows(bytes.fromhex("".join(tips)))).tolist()
    starts, above = first.tolist(), parents.tolist()
    reached = bytearray(len(ids))
    while waiting:
        each = waiting.pop()
        if each >= 0 and not reached[each]:
            reached[each] = 1
            waiting += above[starts[each] : starts[each + 1]]
    return np.frombuffer(bytes(reached), np.bool_)
