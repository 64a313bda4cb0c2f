"""Read the contents of many objects at a time, or what they add to their bases, as one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tokenaudit.git.objects import GitObject
from tokenaudit.git.pack import compiled
from tokenaudit.git.pack.delta import build, delta_insertions
from tokenaudit.git.pack.layout import COMMIT, TREE, Ints
from tokenaudit.git.pack.reader import PackPartition

_SHORT_DELTA = 2000
"""Maximum bytes of a delta to parse."""


class UndecidedError(Exception):
    """The trees can't be read completely, so that git must be asked; `str()` is the reason."""


class ObjectTexts(NamedTuple):
    """Contents of objects, with one byte in between. They begin at `starts` in `text`; `nodes` are their positions."""

    text: bytes
    starts: Ints
    nodes: Ints

    @classmethod
    def of(cls, objects: Sequence[GitObject]) -> ObjectTexts:
        """Return the contents of `objects`, whose positions are those in the sequence."""
        lengths = [len(item.data) + 1 for item in objects]
        starts = np.cumsum([0, *lengths])[:-1]
        return cls(b"\0".join(item.data for item in objects), starts, np.arange(len(objects)))

    @property
    def ends(self) -> Ints:
        """The positions in `text` where the contents end."""
        return np.append(self.starts[1:] - 1, len(self.text))[: len(self.starts)]


def split(partition: PackPartition) -> Iterator[PackPartition]:
    """Yield the commits and the trees of `partition` separately: a delta has the type of its base."""
    types = partition.forest.types
    for code in (COMMIT, TREE):
        wanted = partition.wanted[types[partition.wanted] == code]
        if len(wanted):
            yield replace(partition, nodes=partition.nodes[types[partition.nodes] == code], wanted=wanted)


def contents(partition: PackPartition, reach: int = compiled.WHOLE) -> Iterator[ObjectTexts]:
    """Yield the objects of `partition`; with `reach`, what they add to their base, with so many bytes around it.

    Raises:
        UndecidedError: an object can't be read.
    """
    begun = partition.begin(reach)
    if begun is None:
        yield from _built(partition, reach)
        return
    plan, walk = begun
    try:
        for filled in compiled.batches(walk):
            if filled.failures or filled.passed is not None:
                message = "an object can't be read"
                raise UndecidedError(message)
            yield ObjectTexts(filled.text, np.array(filled.starts, np.int64), plan.nodes[filled.objects])
    except (ValueError, MemoryError) as error:
        raise UndecidedError(str(error)) from error


def _built(partition: PackPartition, reach: int) -> Iterator[ObjectTexts]:
    texts: list[bytes] = []
    nodes: list[int] = []

    def add(node: int, delta: bytes, base: bytes | None, is_in_base: bool, whole: bytes | None) -> None:  # noqa: FBT001 - passed on from `Visit`
        nodes.append(node)
        if reach != compiled.WHOLE and base is not None and is_in_base and len(delta) < _SHORT_DELTA:
            inserted = delta_insertions(base, delta, reach)
            if inserted is not None:
                texts.append(inserted.pieces)
                return
        if whole is None:
            whole = delta if base is None else build(base, delta)
        texts.append(whole)

    def visit(node: int, data: bytes, base: bytes | None, delta: bytes, is_in_base: bool) -> bool:  # noqa: FBT001 - signature of `Visit`
        add(node, delta, base, is_in_base, data)
        return True

    def leaf(node: int, delta: bytes, base: bytes | None, is_in_base: bool) -> None:  # noqa: FBT001 - signature of `Leaf`
        add(node, delta, base, is_in_base, None)

    for failures in partition.walk(visit, leaf):
        if failures:
            raise UndecidedError(failures[0].reason)
        yield _contents(texts, nodes)
        texts.clear()
        nodes.clear()
    yield _contents(texts, nodes)


def _contents(texts: list[bytes], nodes: list[int]) -> ObjectTexts:
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)])[:-1]
    return ObjectTexts(b"\0".join(texts), starts, np.array(nodes, np.int64))
