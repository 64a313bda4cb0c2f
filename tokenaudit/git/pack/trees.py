"""Find the trees in packs that lead to some blobs, and read the links of commits.

In a tree, an id follows a zero byte. Its first bytes after that zero are its window. Every window of a tree that its
delta base does not contain overlaps what the delta inserts, so one pass over all trees notes the windows that appear in
each. A second look at the few trees with a window of a wanted id, and at those that are built from them, finds the ids.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tokenaudit.file_access import open_regular
from tokenaudit.git.objects import GitObject, Unread, work_limit
from tokenaudit.git.pack import compiled
from tokenaudit.git.pack.delta import build, delta_insertions
from tokenaudit.git.pack.layout import COMMIT, TREE, DeltaForest, Ids, Ints, PackIndex
from tokenaudit.git.pack.reader import PackPartition, plan_of

_REACH = 4
"""Bytes of an id in its window."""

_ID_SIZE = 20
_SHORT_DELTA = 2000
_BATCH = 512 << 10
_FILTER = 1 << 16
_NAMED = re.compile(rb"[0-7]+ [^\0]*\Z")


class UndecidedError(Exception):
    """The trees can't be read completely, so that git must be asked; `str()` is the reason."""


class LeadingEntry(NamedTuple):
    """An entry of a tree that leads to a wanted object: its mode and name, as in the tree, and its raw id.

    If the id before it happens to end like a mode, `name` begins with these bytes. It is never shorter.
    """

    name: bytes
    id: bytes


Windows: TypeAlias = tuple[npt.NDArray[np.uint32], Ints]
"""Windows, and the position of the tree in which each appears."""


class CommitLinks(NamedTuple):
    """Commits with their trees and parents, as concatenated raw ids. `counts` are the numbers of parents.

    `odd` are commits whose header is malformed.
    """

    ids: bytes
    trees: bytes
    counts: npt.NDArray[np.int64]
    parents: bytes
    odd: tuple[bytes, ...] = ()


def split(partition: PackPartition) -> Iterator[PackPartition]:
    """Yield the commits and the trees of `partition` separately: a delta has the type of its base."""
    types = partition.forest.types
    for code in (COMMIT, TREE):
        wanted = partition.wanted[types[partition.wanted] == code]
        if len(wanted):
            yield replace(partition, nodes=partition.nodes[types[partition.nodes] == code], wanted=wanted)


def read_links(found: Iterable[GitObject | Unread]) -> CommitLinks:
    """Return the links of commits.

    Raises:
        UndecidedError: one of them can't be read.
    """
    ids, trees, parents, counts = [], [], [], []
    odd: list[bytes] = []
    for item in found:
        if isinstance(item, Unread):
            raise UndecidedError(item.reason)
        data = item.data
        count, at = 0, 46
        above = []
        while data[at : at + 7] == b"parent ":
            above.append(data[at + 7 : at + 47])
            is_whole = data[at + 47 : at + 48] == b"\n"
            at, count = at + 48 if is_whole else -1, count + 1
            if not is_whole:
                break
        try:
            raw = bytes.fromhex(b"".join([data[5:45], *above]).decode("ascii"))
        except ValueError:
            raw = b""
        if data[:5] != b"tree " or data[45:46] != b"\n" or at < 0 or len(raw) != _ID_SIZE * (count + 1):
            odd.append(bytes.fromhex(item.id))
            continue
        ids.append(item.id)
        trees.append(raw[:_ID_SIZE])
        parents.append(raw[_ID_SIZE:])
        counts.append(count)
    raw_ids = bytes.fromhex("".join(ids))
    return CommitLinks(raw_ids, b"".join(trees), np.array(counts, np.int64), b"".join(parents), tuple(odd))


def read_windows(partition: PackPartition) -> Windows:
    """Return the windows that appear in each tree of `partition`.

    Raises:
        UndecidedError: a tree can't be read.
    """
    found = compiled.accelerator() if partition.is_compiled else None
    if found is None:
        return _joined(_searched(partition))
    plan = plan_of(partition)
    limit = work_limit(int((plan.ends - plan.starts).sum()))
    try:
        with open_regular(partition.pack) as file:
            walk = compiled.walk(found, file.fileno(), plan, _REACH, limit)
        return _joined(_filled(walk, plan.nodes))
    except (OSError, ValueError, MemoryError) as error:
        raise UndecidedError(str(error)) from error


def _filled(walk: compiled.Walk, nodes: Ints) -> Iterator[Windows]:
    is_more = True
    while is_more:
        text, table, failures, _, _, passed, is_more = walk.fill(_BATCH)
        if failures or passed >= 0:
            message = "a tree can't be read"
            raise UndecidedError(message)
        entries = np.frombuffer(table, np.int64).reshape(-1, 2)
        yield windows(text, entries[:, 1], nodes[entries[:, 0]])


def _searched(partition: PackPartition) -> Iterator[Windows]:
    texts: list[bytes] = []
    nodes: list[int] = []

    def add(node: int, delta: bytes, base: bytes | None, is_in_base: bool, whole: bytes | None) -> None:  # noqa: FBT001 - passed on from `Visit`
        if base is not None and is_in_base and len(delta) < _SHORT_DELTA:
            inserted = delta_insertions(base, delta, _REACH)
            if inserted is not None:
                texts.append(inserted.pieces)
                nodes.append(node)
                return
        if whole is None:
            whole = delta if base is None else build(base, delta)
        texts.append(whole)
        nodes.append(node)

    def visit(node: int, data: bytes, base: bytes | None, delta: bytes, is_in_base: bool) -> bool:  # noqa: FBT001 - signature of `Visit`
        add(node, delta, base, is_in_base, data)
        return True

    def leaf(node: int, delta: bytes, base: bytes | None, is_in_base: bool) -> None:  # noqa: FBT001 - signature of `Leaf`
        add(node, delta, base, is_in_base, None)

    for failures in partition.walk(visit, leaf):
        if failures:
            raise UndecidedError(failures[0].reason)
        yield _windows_of(texts, nodes)
        texts.clear()
        nodes.clear()
    yield _windows_of(texts, nodes)


def _windows_of(texts: list[bytes], nodes: list[int]) -> Windows:
    ends = np.cumsum([0, *map(len, texts)])
    return windows(b"".join(texts), ends[:-1], np.array(nodes, np.int64))


def windows(text: bytes, starts: Ints, nodes: Ints) -> Windows:
    """Return the windows in `text`, whose parts begin at `starts` and belong to `nodes`."""
    data = np.frombuffer(text + bytes(_REACH), np.uint8)
    zeros = np.flatnonzero(data[:-_REACH] == 0)
    found = np.zeros(len(zeros), np.uint32)
    for number in range(1, _REACH + 1):
        found = (found << np.uint32(8)) | data[zeros + number]
    if not len(nodes):
        return found[:0], np.zeros(0, np.int64)
    return found, nodes[np.searchsorted(starts, zeros, side="right") - 1]


def _joined(parts: Iterable[Windows]) -> Windows:
    found = list(parts)
    if not found:
        return np.zeros(0, np.uint32), np.zeros(0, np.int32)
    return np.concatenate([each for each, _ in found]), np.concatenate([nodes.astype(np.int32) for _, nodes in found])


def entries_of(data: bytes, wanted: Iterable[bytes]) -> tuple[list[LeadingEntry], list[bytes]]:
    """Return the entries of a tree with one of the `wanted` ids, and the ids whose window the tree contains."""
    found: list[LeadingEntry] = []
    near: list[bytes] = []
    for raw in wanted:
        at = data.find(b"\0" + raw)
        if at < 0:
            if data.find(b"\0" + raw[:_REACH]) >= 0:
                near.append(raw)
            continue
        near.append(raw)
        while at >= 0:
            before = data[data.rfind(b"\0", 0, at) + 1 : at]
            named = _NAMED.search(before)
            found.append(LeadingEntry(named[0] if named else before, raw))
            at = data.find(b"\0" + raw, at + 1)
    return found, near


def find_entries(
    partition: PackPartition, wanted: Mapping[int, Sequence[bytes]]
) -> list[tuple[int, list[LeadingEntry]]]:
    """Return the trees of `partition` with entries for the ids in `wanted`, by position, and for those of their base.

    Raises:
        UndecidedError: a tree can't be read.
    """
    result: list[tuple[int, list[LeadingEntry]]] = []
    held: dict[int, list[bytes]] = {}
    parents = partition.forest.headers.parents

    def look(node: int, data: bytes) -> None:
        ids = dict.fromkeys((*wanted.get(node, ()), *held.get(int(parents[node]), ())))
        entries, near = entries_of(data, ids)
        if near:
            held[node] = near
        if entries:
            result.append((node, entries))

    def visit(node: int, data: bytes, *_: object) -> bool:
        look(node, data)
        return True

    def leaf(node: int, delta: bytes, base: bytes | None, _: bool) -> None:  # noqa: FBT001 - signature of `Leaf`
        look(node, delta if base is None else build(base, delta))

    for failures in partition.walk(visit, leaf):
        if failures:
            raise UndecidedError(failures[0].reason)
    return result


class PackWindows:
    """The windows of all trees of one pack."""

    def __init__(self, index: PackIndex, forest: DeltaForest, trees: Ints, parts: Iterable[Windows]) -> None:
        """Hold the windows in `parts`, those of the `trees`."""
        self.index, self.forest = index, forest
        self.is_tree = np.zeros(len(forest.roots), bool)
        self.is_tree[trees] = True
        self._windows, self._nodes = _joined(parts)
        self._order = np.argsort(forest.headers.parents, kind="stable")
        self._parents = forest.headers.parents[self._order]

    @property
    def ids(self) -> Ids:
        """The raw ids of the trees."""
        return self.index.ids[self.is_tree]

    def hits(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[int, list[bytes]]:
        """Return the trees in which a window appears, with the ids of the `wanted` ones, by window."""
        return hits((self._windows, self._nodes), wanted)

    def built_from(self, nodes: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Return `nodes` and all trees that are built from them."""
        found = np.zeros(len(self.is_tree), bool)
        front = np.fromiter(nodes, np.int64)
        while len(front):
            found[front] = True
            low = np.searchsorted(self._parents, front, side="left")
            counts = np.searchsorted(self._parents, front, side="right") - low
            places = np.repeat(low - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            front = self._order[places]
            front = front[~found[front]]
        return found & self.is_tree


def hits(found: Windows, wanted: Mapping[int, Sequence[bytes]]) -> dict[int, list[bytes]]:
    """Return the trees in which a window of `wanted` appears, with the ids that have it."""
    known, nodes = found
    asked = np.fromiter(wanted, np.uint32, len(wanted))
    table = np.zeros(_FILTER, bool)
    table[asked % _FILTER] = True
    places = np.flatnonzero(table[known % np.uint32(_FILTER)])
    places = places[np.isin(known[places], asked)]
    result: defaultdict[int, list[bytes]] = defaultdict(list)
    for node, window in zip(nodes[places].tolist(), known[places].tolist(), strict=True):
        result[node] += wanted[window]
    return dict(result)


def by_window(ids: Iterable[bytes]) -> dict[int, list[bytes]]:
    """Return raw ids by their window."""
    result: defaultdict[int, list[bytes]] = defaultdict(list)
    for raw in ids:
        result[int.from_bytes(raw[:_REACH], "big")].append(raw)
    return dict(result)
