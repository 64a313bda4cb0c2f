"""Find the commits that can add a credential to a path, without comparing every commit with its parents.

Only entries that lead to a blob with a credential matter, and blobs with the same credentials count as equal. A tree is
represented by a number for all its entries that do; equal numbers mean equal entries. A commit whose tree has the same
number as those of its parents adds no credential.

The result contains every commit in which git finds such a change, and a few others: git compares them. Commits whose
objects don't tell are in it too, and so are those that no ref leads to if their trees can be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.commit_links import CommitLinks, ParentLinks, read_links
from tokenaudit.git.log import MOST_PARENTS
from tokenaudit.git.objects import GitObject, Unread
from tokenaudit.git.pack.contents import ObjectTexts, UndecidedError, contents, split
from tokenaudit.git.pack.layout import ID_SIZE, TREE, DeltaForest, Ids, Ints, PackIndex, as_rows, contained, sorted_ids
from tokenaudit.git.pack.partition import divided, pack_partitions
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.trees import (
    LeadingEntry,
    PackWindows,
    WantedIds,
    Windows,
    find_entries,
    read_windows,
    windows,
)
from tokenaudit.git.parallel import WorkerError, run_all

_SHARES_PER_JOB = 3
_MOST_LEVELS = 100
"""Maximum depth of folders; git is asked about deeper ones."""

_UNKNOWN = -1

ReadLoose: TypeAlias = Callable[[Sequence[tuple[str, Path]]], Iterable[GitObject | Unread]]
Packs: TypeAlias = Sequence[tuple[PackIndex, DeltaForest]]
_Entries: TypeAlias = dict[bytes, list[LeadingEntry]]


@dataclass(frozen=True)
class Narrowed:
    """The ids of the commits to compare, and the links between all commits.

    `named` are blobs that the others add.
    """

    commits: frozenset[str]
    links: ParentLinks
    named: frozenset[str] = frozenset()


def commits_to_compare(
    git_dir: Path,
    packs: Packs,
    loose: Sequence[tuple[str, Path]],
    fingerprints: Mapping[str, frozenset[str]],
    jobs: int,
    *,
    read: ReadLoose,
    are_packs_complete: bool,
) -> Narrowed | None:
    """Return commits, among them all that add a fingerprint to a path; None if that can't be decided.

    `fingerprints` are those in each blob. Blobs with the same ones count as equal, so few versions of a file differ.

    `loose` are the ids and files of all objects that are in none of `packs`; `read` reads commits and trees among them.
    Up to `jobs` processes run in parallel.
    With `are_packs_complete`, everything that a commit in a pack refers to is assumed to be there.

    Raises:
        GitError: the refs can't be read.
    """
    alike = _alike(fingerprints)
    try:
        history = _read(packs, loose, read, jobs)
        entries = _leading(history, alike.keys(), jobs)
        links = ParentLinks(git_dir, history.links)
        complete = history.packed if are_packs_complete else 0
        named = _named(history, links, entries, alike.keys(), complete)
        if named is None:
            alike = {blob: blob for blob in alike}
        chosen = _compared(history, links, _Numbers(entries, alike), complete)
        return Narrowed(chosen, links, frozenset(blob.hex() for blob in named or ()))
    except (UndecidedError, WorkerError, OSError, MemoryError):
        return None  # git compares all commits, and says what is wrong


def _alike(fingerprints: Mapping[str, frozenset[str]]) -> dict[bytes, bytes]:
    """Return the raw ids of blobs, each with that of the first blob with the same fingerprints."""
    first: dict[frozenset[str], bytes] = {}
    return {
        raw: first.setdefault(found, raw)
        for raw, found in ((bytes.fromhex(blob), found) for blob, found in fingerprints.items())
    }


@dataclass(frozen=True)
class _LooseTrees:
    files: Sequence[tuple[str, Path]]
    windows: Windows
    read: ReadLoose

    def find(self, wanted: WantedIds) -> Iterator[tuple[bytes, list[LeadingEntry]]]:
        """Yield the trees with entries for the ids in `wanted`."""
        chosen = [self.files[each] for each in wanted.hits(self.windows).tolist()]
        found = _loose(self.read, chosen, "tree")
        for place, entries in wanted.entries(ObjectTexts.of(found)):
            yield bytes.fromhex(found[place].id), entries


@dataclass(frozen=True)
class _History:
    packs: Sequence[PackWindows]
    loose: _LooseTrees
    links: CommitLinks
    packed: int
    """The first so many commits are in packs."""

    @cached_property
    def has_tree(self) -> npt.NDArray[np.bool_]:
        """Whether the tree of each commit is there."""
        alone = as_rows(name for name, _ in self.loose.files)
        trees = sorted_ids(np.concatenate([alone, *(pack.ids for pack in self.packs)]))
        return contained(self.links.trees, trees)


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
    commits = [item for item in alone if item.type == "commit"]
    links.append(read_links(ObjectTexts.of(commits), as_rows(item.id for item in commits)))
    files = dict(loose)
    trees_alone = [item for item in alone if item.type == "tree"]
    of_loose = _LooseTrees(
        [(item.id, files[item.id]) for item in trees_alone], windows(ObjectTexts.of(trees_alone)), read
    )
    return _History(found, of_loose, CommitLinks.joined(links), packed)


def _read_part(part: PackPartition) -> CommitLinks | Windows:
    if part.forest.types[part.wanted[0]] == TREE:
        return read_windows(part)
    return CommitLinks.joined([read_links(each, part.ids[each.nodes]) for each in contents(part)])


def _named(
    history: _History, links: ParentLinks, entries: _Entries, blobs: AbstractSet[bytes], complete: int
) -> frozenset[bytes] | None:
    """Return those of `blobs` that are in a commit with all its ancestors, so that one of these adds them.

    None if git can have another view of a commit or tree than its objects tell. The first `complete` commits have all
    their ancestors.
    """
    counts, trees = history.links.counts, history.links.trees
    is_usual = not len(history.links.odd) and not (links.parents < 0).any() and not (counts > MOST_PARENTS).any()
    if not is_usual or not history.has_tree.all():
        return None
    for entry in (entry for each in entries.values() for entry in each):
        mode = _mode(entry)
        if mode not in _MODES or (mode == _FOLDER and entry.id in blobs) or (mode in _FILES and entry.id in entries):
            return None
    is_whole = np.ones(len(counts), bool)
    if complete < len(counts):
        reached, _ = links.reached("--all")
        is_whole[complete:] = reached[complete:]
    level = entries.keys() & set(_raw_ids(trees[is_whole]))
    seen: set[bytes] = set()
    while level:
        seen |= level
        below = {entry.id for tree in level for entry in entries.get(tree, ()) if _mode(entry) != _SUBMODULE}
        level = below - seen
    return frozenset(blobs & seen)


def _raw_ids(rows: Ids) -> Iterator[bytes]:
    text = rows.tobytes()
    return (text[at : at + ID_SIZE] for at in range(0, len(text), ID_SIZE))


def _mode(entry: LeadingEntry) -> bytes:
    return entry.name[: entry.name.find(b" ")]


_FILES = frozenset((b"100644", b"100755", b"100664", b"120000"))
_FOLDER, _SUBMODULE = b"40000", b"160000"
_MODES = _FILES | {_FOLDER, _SUBMODULE}


def _leading(history: _History, blobs: AbstractSet[bytes], jobs: int) -> _Entries:
    """Return the entries of all trees that lead to one of `blobs`, level by level from those that contain one."""
    result: _Entries = {}
    level: Collection[bytes] = blobs
    for _ in range(_MOST_LEVELS):
        wanted = WantedIds(level)
        found: _Entries = {}
        for pack in history.packs:
            found.update(_found_in(pack, wanted, jobs))
        found.update(history.loose.find(wanted))
        level = found.keys() - result.keys()
        for tree, entries in found.items():
            result.setdefault(tree, []).extend(entries)
        if not level:
            return result
    message = f"folders deeper than {_MOST_LEVELS}"
    raise UndecidedError(message)


def _found_in(pack: PackWindows, wanted: WantedIds, jobs: int) -> Iterator[tuple[bytes, list[LeadingEntry]]]:
    parts = list(divided(pack.index, pack.forest, pack.leading(wanted), jobs * _SHARES_PER_JOB))
    if all(part.is_concurrent for part in parts):
        jobs = 1  # with the compiled part, sending entries to this process takes longer than finding them
    done = run_all([(partial(find_entries, wanted, part), part.size) for part in parts], jobs)
    for each in done:
        for node, entries in each:
            yield pack.index.ids[node].tobytes(), entries


class _Numbers:
    """Numbers of trees: equal for trees whose entries that lead to the blobs are equal, 0 without such entries."""

    def __init__(self, entries: _Entries, alike: Mapping[bytes, bytes]) -> None:
        self._entries, self._alike = entries, alike
        self._known: dict[bytes, int] = {}
        self._numbers: dict[tuple[tuple[bytes, bool, bytes | int], ...], int] = {}
        self._contents: list[dict[bytes, set[tuple[bool, bytes | int]]]] = [{}]
        self._different: dict[tuple[int, tuple[int, ...]], bool] = {}

    def of_all(self, trees: Ids) -> Ints:
        """Return the numbers of trees, given as rows of raw ids.

        Raises:
            UndecidedError: a tree contains itself, which only a wrong index can claim.
        """
        result = np.zeros(len(trees), np.int64)
        leading = np.frombuffer(b"".join(self._entries), np.uint8).reshape(-1, ID_SIZE)
        places = np.flatnonzero(contained(trees, sorted_ids(leading)))
        result[places] = [self.of(tree) for tree in _raw_ids(trees[places])]
        return result

    def of(self, tree: bytes) -> int:
        """Return the number of the tree with the raw id `tree`.

        Raises:
            UndecidedError: see `of_all`.
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
        children = {self._child(entry) for entry in self._entries[tree]}
        key = tuple(sorted(children, key=repr) if len(children) > 1 else children)
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
        alike = self._alike.get(entry.id)
        return (entry.name, True, alike) if alike is not None else (entry.name, False, self.of(entry.id))

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


def _compared(history: _History, links: ParentLinks, numbers: _Numbers, complete: int) -> frozenset[str]:
    counts, trees, first, parents = history.links.counts, history.links.trees, links.first, links.parents
    count = len(counts)
    own = numbers.of_all(trees)
    own[~history.has_tree] = _UNKNOWN
    children = np.repeat(np.arange(count), counts)
    above = np.where(parents >= 0, own[parents], _UNKNOWN) if count else parents
    differs = (own[children] != above) | (above == _UNKNOWN)
    chosen = ((counts == 0) & (own != 0)) | (own == _UNKNOWN) | (counts > MOST_PARENTS)
    chosen[children[differs]] = True
    for each in np.flatnonzero(chosen & (counts > 1) & (counts <= MOST_PARENTS)).tolist():
        low, high = int(first[each]), int(first[each + 1])
        if own[each] != _UNKNOWN and (above[low:high] != _UNKNOWN).all():
            is_equal = (trees[parents[low:high]] == trees[each]).all(axis=1).any()
            chosen[each] = not is_equal and numbers.are_different(int(own[each]), tuple(above[low:high].tolist()))
    if complete < count:
        reached, _ = links.reached("--all")
        chosen[complete:] |= ~reached[complete:]
    text = np.concatenate([links.ids[chosen], history.links.odd]).tobytes().hex()
    return frozenset(text[at : at + 40] for at in range(0, len(text), 40))
