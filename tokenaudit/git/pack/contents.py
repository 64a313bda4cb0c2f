"""Read the contents of many objects at a time, or what they add to their bases, as one text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokenaudit.git.pack import compiled
from tokenaudit.git.pack.delta import build, delta_insertions
from tokenaudit.git.pack.reader import PackPartition
from tokenaudit.git.pack.texts import ObjectTexts

_SHORT_DELTA = 2000
"""Maximum bytes of a delta to parse."""


class UndecidedError(Exception):
    """The trees can't be read completely, so that git must be asked; `str()` is the reason."""


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
            yield filled.texts(plan)
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
