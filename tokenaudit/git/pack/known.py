"""Recognize packs that an earlier scan has read, so that they need not be opened again.

A pack is the same if its index has the same SHA-256, and if its size, its header and its trailer fit. The index ends
with the checksum of the pack, so a pack of another content is not the same. That is what opening it checks as well.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tokenaudit.file_access import open_regular
from tokenaudit.git.objects import KnownObjects, KnownPack, TipTree, Unread
from tokenaudit.git.pack.layout import COMMIT, ID_SIZE, DeltaForest, PackIndex, as_rows, pack_ends, sorted_ids
from tokenaudit.git.pack.partition import not_known, not_packed, read_packs
from tokenaudit.git.pack.tips import ReadSome, TipFinder

if TYPE_CHECKING:
    from typing_extensions import Never

    Opened: TypeAlias = tuple[PackIndex, DeltaForest]

_NOTHING: Mapping[Path, Never] = MappingProxyType({})


def identify(index: Path) -> KnownPack | None:
    """Return what identifies a pack; None if it can't be read or does not belong to its index: opening it tells why."""
    try:
        with open_regular(index) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            digest = hashlib.sha256(mapped).hexdigest()
            checksum = mapped[-2 * ID_SIZE : -ID_SIZE]
        ends = pack_ends(index.with_suffix(".pack"))
    except (OSError, ValueError):
        return None
    return KnownPack(digest, ends.size, ends.objects) if ends.is_supported and ends.checksum == checksum else None


@dataclass(frozen=True)
class NewObjects:
    """The objects that an earlier scan does not know.

    `is_kept`: everything that it knows is still there. Then `packs` are the other packs, otherwise all. `broken` are
    those of them that can't be used. `alone` are the ids of all loose objects that are in no pack, `loose` the new ones
    among them, both sorted.
    """

    before: KnownObjects
    packs: Sequence[Opened]
    broken: Sequence[Unread]
    alone: Sequence[str]
    loose: Sequence[str]
    indexes: Sequence[Path]
    identified: Mapping[Path, KnownPack]
    is_kept: bool

    @cached_property
    def all_packs(self) -> Sequence[Opened]:
        """All packs."""
        return self.packs if self.are_all_open else read_packs(self.indexes)[0]

    @property
    def are_all_open(self) -> bool:
        """Whether `packs` are all packs."""
        return len(self.packs) + len(self.broken) == len(self.indexes)

    @property
    def packed_commits(self) -> int:
        """The number of commits in all packs."""
        ids = [index.ids[forest.types == COMMIT] for index, forest in self.all_packs]
        return len(ids[0]) if len(ids) == 1 else len(sorted_ids(np.concatenate([as_rows(()), *ids])))

    @property
    def object_count(self) -> int:
        """The number of objects in all packs, with duplicates."""
        others = (each.objects for index, each in self.identified.items() if index in self._unopened)
        return sum(others) + sum(len(index.starts) for index, _ in self.packs)

    @cached_property
    def _unopened(self) -> frozenset[Path]:
        return frozenset(_same(self.identified, self.before)) if self.is_kept else frozenset()

    def tips_with(self, read: ReadSome, name: bytes, tips: Sequence[str], dated: int) -> Sequence[TipTree] | None:
        """See `TipFinder.tips_with`. git reads the tips in less time than opening known packs takes."""
        if self.broken or not self.are_all_open:
            return None
        return TipFinder(self.packs, self.alone, read).tips_with(name, tips, dated)

    def not_packed(self, names: Iterable[str]) -> list[str]:
        """Return those of `names`, ids that no loose object has, that are in no pack."""
        left = not_packed(self.packs, names)
        return not_known(left, self.before.ids) if self.is_kept else left

    def known(self, *, has_commits: bool) -> KnownObjects:
        """Return all objects, for the next scan. `has_commits`: a commit is among those of `packs` and `alone`."""
        has_commits |= self.is_kept and self.before.has_commits
        loose = frozenset(self.alone)
        opened = {index.pack for index, _ in self.packs}
        packs = frozenset(
            each
            for index, each in self.identified.items()
            if index in self._unopened or index.with_suffix(".pack") in opened
        )
        if self.is_kept and not self.packs and not self.loose:
            ids = self.before.ids
        else:
            kept = np.frombuffer(self.before.ids if self.is_kept else b"", np.uint8).reshape(-1, ID_SIZE)
            parts = [kept, as_rows(self.alone), *(index.ids for index, _ in self.packs)]
            ids = sorted_ids(np.concatenate(parts)).tobytes()
        return KnownObjects(ids, packs, loose, has_commits)


def new_objects(
    indexes: Sequence[Path],
    loose: Collection[str],
    before: KnownObjects | None,
    opened_before: Mapping[Path, Opened] = _NOTHING,
) -> NewObjects:
    """Open the packs that `before` does not contain, and find the `loose` objects that are new.

    All packs are opened if something of `before` is gone. `before` is None if no scan will know this one.
    """
    identified = {}
    if before is not None:
        identified = {index: each for index in indexes if (each := identify(index)) is not None}
    before = before or KnownObjects()
    if before.packs <= frozenset(identified.values()):
        same = _same(identified, before)
        packs, broken = read_packs([index for index in indexes if index not in same], opened_before)
        here = before.loose.intersection(loose)
        if not not_packed(packs, before.loose - here):
            new = not_packed(packs, not_known(sorted(frozenset(loose) - here), before.ids))
            alone = sorted([*not_packed(packs, here), *new])
            return NewObjects(before, packs, broken, alone, new, indexes, identified, is_kept=True)
    packs, broken = read_packs(indexes, opened_before)
    alone = not_packed(packs, loose)
    return NewObjects(before, packs, broken, alone, not_known(alone, before.ids), indexes, identified, is_kept=False)


def _same(identified: Mapping[Path, KnownPack], before: KnownObjects) -> Collection[Path]:
    return {index for index, each in identified.items() if each in before.packs}
