"""Find the commits that can add a credential to a path, without comparing every commit with its parents.

Only entries that lead to a blob with a credential matter, and blobs with the same credentials count as equal. A tree is
represented by a number for all its entries that do; equal numbers mean equal entries. A commit whose tree has the same
number as those of its parents adds no credential.

The result contains every commit in which git finds such a change, and a few others: git compares them. Commits whose
objects don't tell are in it too, and so are those that no ref leads to if their trees can be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.git.commit_links import ParentLinks
from tokenaudit.git.leading_trees import LeadingTrees, TreeNumbers
from tokenaudit.git.log import MOST_PARENTS
from tokenaudit.git.objects import CommitLinks, GitObject, Unread
from tokenaudit.git.pack.contents import UndecidedError, contents
from tokenaudit.git.pack.layout import ID_SIZE, TREE, DeltaForest, Ids, PackIndex, as_rows, contained, sorted_ids
from tokenaudit.git.pack.partition import divided, pack_partitions
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.texts import ObjectTexts, joined_links, read_links
from tokenaudit.git.pack.trees import (
    LeadingEntries,
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
    known: Sequence[CommitLinks],
    jobs: int,
    *,
    read: ReadLoose,
    are_packs_complete: bool,
) -> Narrowed | None:
    """Return commits, among them all that add a fingerprint to a path; None if that can't be decided.

    `fingerprints` are those in each blob. Blobs with the same ones count as equal, so few versions of a file differ.

    `loose` are the ids and files of all objects that are in none of `packs`; `read` reads commits and trees among them.
    `known` are links of commits in packs that need not be read again.
    Up to `jobs` processes run in parallel.
    With `are_packs_complete`, everything that a commit in a pack refers to is assumed to be there.

    Raises:
        GitError: the refs can't be read.
    """
    alike = _alike(fingerprints)
    try:
        history = _read(packs, loose, known, read, jobs)
        blobs = as_rows(sorted(fingerprints))
        trees = LeadingTrees(_leading(history, blobs, jobs), blobs)
        links = ParentLinks(git_dir, history.links)
        complete = history.packed if are_packs_complete else 0
        named = _named(history, links, trees, complete)
        if named is None:
            alike = {blob: blob for blob in alike}
        chosen = _compared(history, links, trees.numbers(alike), complete)
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

    def find(self, wanted: WantedIds) -> LeadingEntries:
        """Return the entries of these trees for the ids in `wanted`."""
        chosen = [self.files[each] for each in wanted.hits(self.windows).tolist()]
        found = _loose(self.read, chosen, "tree")
        return wanted.entries(ObjectTexts.of([item.data for item in found]), as_rows(item.id for item in found))


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


def _read(
    packs: Packs, loose: Sequence[tuple[str, Path]], known: Sequence[CommitLinks], read: ReadLoose, jobs: int
) -> _History:
    partitions, unread = pack_partitions(packs, jobs * _SHARES_PER_JOB, ("commit", "tree"))
    if unread:
        raise UndecidedError(unread[0].reason)
    parts = [each for each in partitions if isinstance(each, PackPartition)]
    links = list(known)
    if links:
        ids = sorted_ids(np.concatenate([rows for each in links for rows in (each.ids, each.odd)]))
        parts = [left for left in (_without(each, ids) for each in parts) if len(left.wanted)]
    done = run_all([(partial(_read_part, part), part.size) for part in parts], jobs)
    found: list[PackWindows] = []
    links += [each for each in done if isinstance(each, CommitLinks)]
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
    links.append(read_links(ObjectTexts.of([item.data for item in commits]), as_rows(item.id for item in commits)))
    files = dict(loose)
    trees_alone = [item for item in alone if item.type == "tree"]
    of_loose = _LooseTrees(
        [(item.id, files[item.id]) for item in trees_alone],
        windows(ObjectTexts.of([item.data for item in trees_alone])),
        read,
    )
    return _History(found, of_loose, joined_links(links), packed)


def _without(part: PackPartition, known: Ids) -> PackPartition:
    """Return `part` without the commits whose raw ids are in `known`, sorted."""
    if not part.is_last:
        return part
    return replace(part, wanted=part.wanted[~contained(part.ids[part.wanted], known)])


def _read_part(part: PackPartition) -> CommitLinks | Windows:
    if part.forest.types[part.wanted[0]] == TREE:
        return read_windows(part)
    return joined_links([read_links(each, part.ids[each.nodes]) for each in contents(part)])


def _named(history: _History, links: ParentLinks, leading: LeadingTrees, complete: int) -> frozenset[bytes] | None:
    """Return the blobs that are in a commit with all its ancestors, so that one of these adds them.

    None if git can have another view of a commit or tree than its objects tell. The first `complete` commits have all
    their ancestors.
    """
    counts, trees = history.links.counts, history.links.trees
    is_usual = not len(history.links.odd) and not (links.parents < 0).any() and not (counts > MOST_PARENTS).any()
    if not is_usual or not history.has_tree.all() or not leading.are_usual:
        return None
    is_whole = np.ones(len(counts), bool)
    if complete < len(counts):
        reached, _ = links.reached("--all")
        is_whole[complete:] = reached[complete:]
    return leading.named_below(trees[is_whole])


def _leading(history: _History, blobs: Ids, jobs: int) -> LeadingEntries:
    """Return the entries of all trees that lead to one of `blobs`, level by level from those that contain one."""
    parts: list[LeadingEntries] = []
    known = np.zeros((0, ID_SIZE), np.uint8)
    level = blobs
    for _ in range(_MOST_LEVELS):
        wanted = WantedIds(level)
        found = [history.loose.find(wanted)]
        for pack in history.packs:
            found += _found_in(pack, wanted, jobs)
        parts += found
        trees = sorted_ids(np.concatenate([each.trees for each in found]))
        level = trees[~contained(trees, known)]
        known = sorted_ids(np.concatenate([known, level]))
        if not len(level):
            return LeadingEntries.joined(parts)
    message = f"folders deeper than {_MOST_LEVELS}"
    raise UndecidedError(message)


def _found_in(pack: PackWindows, wanted: WantedIds, jobs: int) -> list[LeadingEntries]:
    parts = list(divided(pack.index, pack.forest, pack.leading(wanted), jobs * _SHARES_PER_JOB))
    if all(part.is_concurrent for part in parts):
        jobs = 1  # with the compiled part, sending entries to this process takes longer than finding them
    return run_all([(partial(find_entries, wanted, part), part.size) for part in parts], jobs)


def _compared(history: _History, links: ParentLinks, numbers: TreeNumbers, complete: int) -> frozenset[str]:
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
