"""Read a partition of a pack: each delta tree from its root, so that every object is inflated and built once."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from zlib import decompress
from zlib import error as zlib_error

import numpy as np
import numpy.typing as npt
from deflate import DeflateError, zlib_decompress
from dulwich.errors import ApplyDeltaError

from tokenaudit.file_access import open_regular
from tokenaudit.git.objects import (
    LARGE,
    GitObject,
    ObjectMatcher,
    ObjectType,
    ScanBatch,
    Unread,
    beyond_limit,
    is_large,
    too_large,
    work_limit,
)
from tokenaudit.git.pack import compiled
from tokenaudit.git.pack.compiled import Plan
from tokenaudit.git.pack.delta import LargeResultError, build
from tokenaudit.git.pack.layout import BLOB, COMMIT, TAG, TREE, DeltaForest, Ids, Ints
from tokenaudit.git.pack.scan import Leaf, Visit, add_contents, fingerprints_in, search
from tokenaudit.git.pack.texts import read_links
from tokenaudit.interfaces import MatchContext

_MOST_HITS = 10_000
"""Hits to report at a time."""

TYPE_NAMES: dict[int, ObjectType] = {BLOB: "blob", COMMIT: "commit", TAG: "tag", TREE: "tree"}


@dataclass(frozen=True)
class PackPartition:
    """Some complete delta trees of a pack. `nodes` are positions in the pack; those not in `wanted` are only bases.

    `is_compiled`: whether the compiled part is used, if it is installed.
    """

    pack: Path
    ids: Ids
    forest: DeltaForest
    nodes: Ints
    wanted: Ints
    size: int
    is_compiled: bool = True

    @property
    def is_last(self) -> bool:
        """See `objects.Partition`. With hits in blobs, the links of commits are needed."""
        return len(self.wanted) > 0 and int(self.forest.types[self.wanted[0]]) == COMMIT

    @property
    def count(self) -> int:
        """See `objects.Partition`."""
        return len(self.wanted)

    @property
    def is_concurrent(self) -> bool:
        """See `objects.Partition`."""
        return self.is_compiled and compiled.accelerator() is not None

    def read(self) -> Iterator[GitObject | Unread]:
        """See `objects.Partition`."""
        begun = self.begin(compiled.WHOLE)
        if begun is None:
            yield from self._read()
            return
        plan, walk = begun
        passed = 0
        for filled in compiled.batches(walk):
            for place, content in zip(filled.objects, filled.entries(), strict=True):
                yield GitObject(*self._known_as(int(plan.nodes[place])), content)
            unread, passed = self._unread(plan, filled, passed)
            yield from unread

    def _read(self) -> Iterator[GitObject | Unread]:
        found: list[GitObject | Unread] = []

        def visit(node: int, data: bytes, *_: object) -> bool:
            found.append(GitObject(self.name(node), self._type(node), data))
            return False

        def leaf(node: int, inflated: bytes, base: bytes | None, _: bool) -> None:  # noqa: FBT001 - signature of `Leaf`
            visit(node, inflated if base is None else build(base, inflated))

        for failures in self.walk(visit, leaf, pause=1):
            yield from found
            found.clear()
            yield from failures

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """See `objects.Partition`."""
        reach = compiled.WHOLE if self.is_last else watcher.reach
        begun = self.begin(reach) if watcher.reach is not None and reach is not None else None
        searched = (
            search(self.walk, self._known_as, watcher) if begun is None else self._search_compiled(*begun, watcher)
        )
        for batch in searched:
            batch.pack = self.pack
            yield batch

    def _known_as(self, node: int) -> tuple[str, ObjectType]:
        return self.name(node), self._type(node)

    def begin(self, reach: int) -> tuple[Plan, compiled.Walk] | None:
        """Begin to read with the compiled part; None if it is not used.

        Where it refuses, the reader in Python says what is wrong.
        """
        found = compiled.accelerator() if self.is_compiled else None
        if found is None:
            return None
        plan = plan_of(self)
        limit = work_limit(int((plan.ends - plan.starts).sum()))
        try:
            with open_regular(self.pack) as file:
                return plan, compiled.walk(found, file.fileno(), plan, reach, limit)
        except (OSError, ValueError, MemoryError):
            return None

    def _unread(self, plan: Plan, filled: compiled.Filled, passed: int) -> tuple[list[Unread], int]:
        """Return what a batch could not read, and `passed`, the objects that other failures lost, with those of it."""
        unread: list[Unread] = []
        for node, damage in filled.failures:
            lost = self._lost(plan, node, damage)
            passed += len(lost) - int(plan.wanted[node])
            unread += lost
        if filled.passed is not None:
            unread.append(beyond_limit(int(plan.wanted.sum()) - passed - filled.passed))
        return unread, passed

    def _search_compiled(self, plan: Plan, walk: compiled.Walk, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        evidence: list[int] = []
        matches: list[int] = []
        lost: set[str] = set()
        passed = 0
        batch = ScanBatch()
        is_followed = self.is_last and watcher.has_hits
        for filled in compiled.batches(walk):
            with_evidence, with_matches = compiled.with_evidence(filled, watcher)
            evidence += with_evidence
            matches += with_matches
            batch.objects += filled.object_count
            batch.bytes += filled.byte_count
            if is_followed:
                commits = filled.texts(plan)
                batch.links.append(read_links(commits, self.ids[commits.nodes]))
            unread, passed = self._unread(plan, filled, passed)
            batch.unread += unread
            lost.update(each.id for each in unread)
            if batch.is_due:
                yield batch
                batch = ScanBatch()
        yield batch
        if evidence:
            new = frozenset(plan.nodes[evidence].tolist()) | frozenset(plan.nodes[matches].tolist())
            for again in self._with_content(plan, evidence)._search_whole(new, watcher):  # noqa: SLF001 - of its own class
                unread = [each for each in again.unread if each.id not in lost]
                yield replace(again, objects=0, bytes=0, unread=unread)

    def _with_content(self, plan: Plan, places: list[int]) -> PackPartition:
        """Return the partition of the objects at `places` of `plan` and all that are built from them."""
        needed = np.zeros(len(self.forest.roots), bool)
        needed[plan.nodes[places]] = True
        needed = self.forest.needed_for(needed)
        below = np.zeros(len(plan.nodes), bool)
        waiting = list(places)
        while waiting:
            each = waiting.pop()
            if not below[each]:
                below[each] = True
                waiting += plan.children[plan.first[each] : plan.first[each + 1]].tolist()
        chosen = np.zeros(len(needed), bool)
        chosen[plan.nodes[below]] = True
        return replace(self, nodes=np.nonzero(chosen | needed)[0], wanted=self.wanted[chosen[self.wanted]])

    def _search_whole(self, new: AbstractSet[int], watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """Search complete objects. `new` are those with matches that their base does not contain.

        All others contain only what their base does: if that is in contexts, it is enough to look for these.
        """
        begun = self.begin(compiled.WHOLE)
        if begun is None:
            yield from search(self.walk, self._known_as, watcher)
            return
        plan, walk = begun
        nodes, parents = plan.nodes.tolist(), self.forest.headers.parents[plan.nodes].tolist()
        contexts: dict[int, tuple[MatchContext, ...] | None] = {}
        passed = 0
        batch = ScanBatch()
        for filled in compiled.batches(walk):
            for place, content in zip(filled.objects, filled.entries(), strict=True):
                node = nodes[place]
                kept = None
                if node not in new:
                    before = contexts.get(parents[place], ())
                    if before == ():
                        continue
                    kept = watcher.kept(before, content) if before is not None else None
                if kept is None:
                    kept = add_contents(batch, self._known_as(node), content, watcher)
                else:
                    batch.add_fingerprints(*self._known_as(node), fingerprints_in(kept))
                if kept != ():
                    contexts[node] = kept
            unread, passed = self._unread(plan, filled, passed)
            batch.unread += unread
            if batch.is_due or len(batch.hits) > _MOST_HITS:
                yield batch
                batch = ScanBatch()
        yield batch

    def name(self, node: int) -> str:
        """Return the id of the object at position `node`."""
        raw: bytes = self.ids[node].tobytes()
        return raw.hex()

    def _type(self, node: int) -> ObjectType:
        return TYPE_NAMES[int(self._types[node])]

    @cached_property
    def _types(self) -> npt.NDArray[np.uint8]:
        return self.forest.types

    def walk(self, visit: Visit, leaf: Leaf, pause: int = 64) -> Iterator[list[Unread]]:
        """Visit every wanted object; after every `pause` trees, yield the objects that could not be read.

        Objects from which nothing else is built go to `leaf`, the others to `visit`.

        Memory: a base is held only while it has unvisited deltas, and the delta with the largest subtree is visited
        last. So at most about log2(number of deltas) objects of one tree are held at a time.
        """
        with open_regular(self.pack) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield from self._trees(mapped, visit, leaf, pause)

    def _trees(self, mapped: mmap.mmap, visit: Visit, leaf: Leaf, pause: int) -> Iterator[list[Unread]]:
        plan = plan_of(self)
        names, starts, ends, sizes, wanted, first, children, roots = (column.tolist() for column in plan)
        failures: list[Unread] = []
        left = work_limit(sum(ends) - sum(starts))
        passed = 0
        # Entries: content of a base, what its visit returned, the next child to take, the end of its children.
        stack: list[tuple[bytes, bool, int, int]] = []
        for number, root in enumerate(roots):
            if not number % pause:
                yield failures
                failures = []
            base: bytes | None = None
            node, mark = root, False
            inflated = data = held = b""  # what is large is not held while the next tree begins
            while True:
                begin, stop = first[node], first[node + 1]
                passed += wanted[node]
                try:
                    inflated = _inflated(mapped, starts[node], ends[node], sizes[node])
                    left -= len(inflated)
                    if begin < stop:
                        data = inflated if base is None else build(base, inflated)
                        left -= len(data)
                        seen = visit(names[node], data, base, inflated, mark) if wanted[node] else False
                        stack.append((data, seen, begin, stop))
                    elif wanted[node]:
                        leaf(names[node], inflated, base, mark)
                        left -= len(base) if base is not None and not mark else 0
                except _DAMAGES as damage:
                    lost = self._lost(plan, node, damage)
                    passed += len(lost) - wanted[node]
                    failures += lost
                if left < 0:
                    yield [*failures, beyond_limit(sum(wanted) - passed)]
                    return
                if not stack:
                    break
                held, mark, begin, stop = stack.pop()
                if begin + 1 < stop:
                    stack.append((held, mark, begin + 1, stop))
                base = held
                node = children[begin]
        yield failures

    def _lost(self, plan: Plan, node: int, damage: Exception) -> list[Unread]:
        """Return `node` and all objects built from it as unread."""
        lost, waiting = [], [node]
        is_too_large = isinstance(damage, LargeResultError)
        while waiting:
            each = waiting.pop()
            name = self.name(int(plan.nodes[each]))
            if is_too_large and each == node:
                unread = too_large(name)
            elif is_too_large:
                # Its size is unknown, so it is read like large objects.
                reason = f"delta base {self.name(int(plan.nodes[node]))} is larger than {LARGE >> 20} MiB"
                unread = Unread(name, reason, is_large=True)
            elif isinstance(damage, MemoryError):
                unread = Unread(name, "object too large for the available memory")
            else:
                unread = Unread(
                    name, "the object is corrupt" if each == node else f"delta base {self.name(int(plan.nodes[node]))}"
                )
            if plan.wanted[each]:
                lost.append(unread)
            waiting += plan.children[plan.first[each] : plan.first[each + 1]].tolist()
        return lost


def _inflated(mapped: mmap.mmap, start: int, end: int, size: int) -> bytes:
    if is_large(size) or is_large(end - start):
        raise LargeResultError
    if end - start < TINY:
        inflated = decompress(mapped[start:end])
    elif end - start < _COPIED:
        inflated = bytes(zlib_decompress(mapped[start:end], size or 1))
    else:
        with memoryview(mapped) as view, view[start:end] as stored:
            inflated = bytes(zlib_decompress(stored, size or 1))
    if len(inflated) != size:
        raise ValueError
    return inflated


_COPIED = 1 << 20
"""Compressed bytes below which a copy takes less time than a view."""

TINY = 150
"""Compressed bytes below which the standard library inflates faster, because its setup is cheaper."""

_DAMAGES = (
    DeflateError,
    zlib_error,
    ApplyDeltaError,
    LargeResultError,
    ValueError,
    MemoryError,
    OverflowError,
    BufferError,
)


def plan_of(partition: PackPartition) -> Plan:
    """Number the objects of `partition` from 0, with their children."""
    forest, nodes = partition.forest, partition.nodes
    headers = forest.headers
    parents = headers.parents[nodes]
    is_delta = np.nonzero(parents >= 0)[0]
    numbers = np.empty(len(forest.roots), np.int64)
    numbers[nodes] = np.arange(len(nodes))
    above = numbers[parents[is_delta]]
    trees = forest.sizes_of_trees(nodes)[nodes[is_delta]]
    children = is_delta[np.argsort(above * (len(nodes) + 1) + trees)]
    first = np.zeros(len(nodes) + 1, np.int64)
    np.cumsum(np.bincount(above, minlength=len(nodes)), out=first[1:])
    wanted = np.zeros(len(nodes), np.int64)
    wanted[numbers[partition.wanted]] = 1
    bodies = headers.bodies[nodes]
    return Plan(
        nodes=nodes,
        starts=bodies,
        ends=bodies + forest.lengths[nodes],
        sizes=headers.sizes[nodes],
        wanted=wanted,
        first=first,
        children=children,
        roots=np.nonzero(parents < 0)[0],
    )
