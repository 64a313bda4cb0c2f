"""Divide the objects of several packs into partitions of about equal work, each object once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokenaudit.file_access import open_regular
from tokenaudit.git.objects import ObjectType, Unread
from tokenaudit.git.pack import ChecksumPartition
from tokenaudit.git.pack.compiled import accelerator
from tokenaudit.git.pack.layout import (
    COMMIT,
    ID_SIZE,
    DeltaForest,
    Headers,
    Ids,
    PackError,
    PackIndex,
    as_rows,
    build_delta_forest,
    contained,
    first_occurrences,
    read_headers,
    read_index,
    sorted_ids,
)
from tokenaudit.git.pack.reader import TYPE_NAMES, PackPartition

if TYPE_CHECKING:
    from typing_extensions import Never

_LARGEST_COMPILED = 8 << 20
"""Size in bytes of the root of a tree up to which the compiled part is used: it holds a large object three times."""

_LEAST_WORK = 20_000_000
"""Nanoseconds of work of a partition, unless one is enough: each takes some time to begin."""

NONE_BEFORE: Mapping[Path, Never] = MappingProxyType({})


def read_packs(
    indexes: Sequence[Path], opened_before: Mapping[Path, tuple[PackIndex, DeltaForest]] = NONE_BEFORE
) -> tuple[list[tuple[PackIndex, DeltaForest]], list[Unread]]:
    """Open packs, largest first; packs that can't be used are returned as `Unread`.

    `opened_before` are packs by path that need not be opened again.
    """
    packs: list[tuple[PackIndex, DeltaForest]] = []
    unread: list[Unread] = []
    for path in sorted(indexes):
        opened = opened_before.get(path.with_suffix(".pack")) or _opened(path)
        if isinstance(opened, Unread):
            unread.append(opened)
        else:
            packs.append(opened)
    packs.sort(key=lambda pack: (-len(pack[0].starts), pack[0].pack.name))
    return packs, unread


def _opened(path: Path) -> tuple[PackIndex, DeltaForest] | Unread:
    try:
        index = read_index(path)
        return index, _forest(index)
    except PackError as error:
        return Unread(path.with_suffix(".pack").name, str(error))
    except OSError as error:
        return Unread(path.with_suffix(".pack").name, f"can't be read: {error.strerror}")
    except (ValueError, IndexError, MemoryError, OverflowError):
        return Unread(path.with_suffix(".pack").name, "index or headers are inconsistent")


def _forest(index: PackIndex) -> DeltaForest:
    if not len(index.starts):
        nothing = np.zeros(0, np.int64)
        return DeltaForest(Headers(nothing.astype(np.uint8), nothing, nothing, nothing), nothing, nothing, nothing)
    with open_regular(index.pack) as file:
        headers = read_headers(index, np.asarray(np.memmap(file, dtype=np.uint8, mode="r")))
    return build_delta_forest(headers, index.ends - headers.bodies)


def pack_partitions(
    packs: Sequence[tuple[PackIndex, DeltaForest]],
    count: int,
    types: Sequence[ObjectType],
    known: bytes = b"",
    searched: Mapping[Path, npt.NDArray[np.bool_]] = NONE_BEFORE,
) -> tuple[list[PackPartition | ChecksumPartition], list[Unread]]:
    """Return partitions of all objects of `types` whose id is not in `known`, and the objects that can't be built.

    Commits are in partitions of their own, and the checksum of each pack with new objects is one.

    `known` are raw ids, sorted. An object in several packs is read from the first of them. `searched` are packs whose
    checksum, and some of whose objects, by position, need not be read again.
    """
    accelerator()  # before processes are forked, so that it is loaded once
    partitions: list[PackPartition | ChecksumPartition] = []
    unread: list[Unread] = []
    codes = [code for code, name in TYPE_NAMES.items() if name in types]
    before = [index.ids[searched[index.pack]] for index, _ in packs if index.pack in searched]
    for (index, forest), is_new in zip(packs, first_of(packs, known), strict=True):
        unread += [
            Unread(index.ids[lost].tobytes().hex(), "header or delta base is damaged or missing")
            for lost in np.nonzero(is_new & (forest.roots < 0))[0].tolist()
        ]
        wanted = is_new & np.isin(forest.types, codes)
        if index.pack in searched:
            wanted &= ~searched[index.pack]
        if before and wanted.any():
            wanted[wanted] = ~contained(index.ids[wanted], sorted_ids(np.concatenate(before)))
        is_commit = forest.types == COMMIT
        partitions += divided(index, forest, wanted & ~is_commit, count)
        partitions += divided(index, forest, wanted & is_commit, count)
        if is_new.any() and index.pack not in searched:
            partitions.append(ChecksumPartition(index.pack))
    return partitions, unread


def without_duplicates(
    packs: Sequence[tuple[PackIndex, DeltaForest]], searched: Mapping[Path, npt.NDArray[np.bool_]]
) -> dict[Path, npt.NDArray[np.bool_]]:
    """Return those of `searched` that have no object in common."""
    found: dict[Path, npt.NDArray[np.bool_]] = {}
    seen = _rows(b"")
    for index, _ in packs:
        own = searched.get(index.pack)
        if own is not None and not contained(index.ids[own], seen).any():
            found[index.pack] = own
            if len(found) < len(searched):
                seen = sorted_ids(np.concatenate([seen, index.ids[own]]))
    return found


def read_from(
    packs: Sequence[tuple[PackIndex, DeltaForest]], partitions: Iterable[PackPartition | ChecksumPartition]
) -> dict[Path, npt.NDArray[np.bool_]]:
    """Return for each of `packs` which of its objects are in `partitions`, by position."""
    found = {index.pack: np.zeros(len(index.ids), bool) for index, _ in packs}
    for each in partitions:
        if isinstance(each, PackPartition):
            found[each.pack][each.wanted] = True
    return found


def first_of(packs: Sequence[tuple[PackIndex, DeltaForest]], known: bytes) -> list[npt.NDArray[np.bool_]]:
    """Return for each pack which of its objects are neither in `known`, sorted raw ids, nor in an earlier pack."""
    if len(packs) == 1 and not known:
        return [np.ones(len(packs[0][0].ids), bool)]
    parts = [_rows(known), *(index.ids for index, _ in packs)]
    is_first = first_occurrences(parts, [np.arange(len(parts[0])), *(index.by_id for index, _ in packs)])
    return is_first[1:]


def not_packed(packs: Sequence[tuple[PackIndex, DeltaForest]], names: Iterable[str]) -> list[str]:
    """Return the ids in `names` (loose objects) that are in no pack, sorted."""
    left = sorted(names)
    for index, _ in packs:
        if left:
            here = index.ids[contained(index.ids, as_rows(left))]
            left = not_known(left, sorted_ids(here).tobytes())
    return left


def not_known(names: Sequence[str], known: bytes) -> list[str]:
    """Return the ids in `names` that are not in `known`, sorted raw ids."""
    if not names:
        return []
    within = contained(as_rows(names), _rows(known))
    return [name for name, is_known in zip(names, within.tolist(), strict=True) if not is_known]


def all_ids(packs: Sequence[tuple[PackIndex, DeltaForest]], loose: Sequence[str]) -> bytes:
    """Return the raw ids of all objects, sorted, each once."""
    found = np.concatenate([as_rows(loose), *(index.ids for index, _ in packs)])
    return sorted_ids(found).tobytes()


def _rows(ids: bytes) -> Ids:
    return np.frombuffer(ids, np.uint8).reshape(-1, ID_SIZE)


def commits_of(packs: Sequence[tuple[PackIndex, DeltaForest]]) -> Iterator[str]:
    """Yield the ids of all commits, each once, in the order of the packs."""
    seen: set[str] = set()
    for index, forest in packs:
        text = index.ids[forest.types == COMMIT].tobytes().hex()
        names = dict.fromkeys(text[at : at + 2 * ID_SIZE] for at in range(0, len(text), 2 * ID_SIZE))
        yield from (name for name in names if name not in seen)
        if len(packs) > 1:
            seen |= names.keys()


def divided(
    index: PackIndex, forest: DeltaForest, wanted: npt.NDArray[np.bool_], count: int
) -> Iterator[PackPartition]:
    """Yield partitions of whole delta trees with all `wanted`, in the order of the pack, with about equal work."""
    nodes = np.nonzero(forest.needed_for(wanted))[0]
    if not len(nodes):
        return
    roots = forest.roots[nodes]
    so_far = np.cumsum(np.bincount(roots, forest.costs[nodes], len(forest.roots)))
    count = min(count, 1 + int(so_far[-1] / _LEAST_WORK))
    number = np.minimum((so_far[roots] / so_far[-1] * count).astype(np.int64), count - 1)
    is_large = forest.headers.sizes[roots] > _LARGEST_COMPILED
    number[is_large] += count
    for each in range(2 * count if is_large.any() else count):
        part = nodes[number == each]
        if len(part):
            yield PackPartition(
                pack=index.pack,
                ids=index.ids,
                forest=forest,
                nodes=part,
                wanted=part[wanted[part]],
                size=int(forest.costs[part].sum()),
                is_compiled=each < count,
            )
