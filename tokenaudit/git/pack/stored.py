"""All objects of one type as packs store them: some whole, most as what they change of another one; inflated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from dulwich.errors import ApplyDeltaError

from tokenaudit.git.objects import GitObject
from tokenaudit.git.pack.delta import build
from tokenaudit.git.pack.forest import Forest
from tokenaudit.git.pack.headers import Ints
from tokenaudit.git.pack.index import Ids, PackError, PackIndex
from tokenaudit.git.pack.inflate import inflate

_MOST_TEXT, _MOST_OBJECTS = 256 << 20, 1_500_000
"""Bytes, as they are stored, and number of objects that are kept at most."""

_ID = 20


@dataclass(frozen=True)
class Stored:
    """Object number n is `text[starts[n]:starts[n + 1]]`, or, if `bases[n]` is not -1, what that makes of that base.

    `families[n]` is the whole object that n grows from, or n itself.
    """

    ids: Ids
    bases: Ints
    families: Ints
    text: bytes
    starts: Ints

    def family(self, whole: int) -> Iterator[tuple[int, bytes]]:
        """Number and content of `whole` and of everything that grows from it.

        Depth first, so that what is held at a time grows with the depth of the family, not with its size.

        Raises:
            PackError: one of them can't be built.
        """
        order, firsts = self._by_family
        first, last = firsts[whole], firsts[whole + 1]
        if last - first == 1:
            yield whole, self.text[self.starts[whole] : self.starts[whole + 1]]
            return
        members = order[first:last]
        grown: dict[int, list[int]] = {}
        for number, base in zip(members.tolist(), self.bases[members].tolist(), strict=True):
            grown.setdefault(base, []).append(number)
        waiting = [(whole, b"")]
        while waiting:
            number, before = waiting.pop()
            stored = self.text[self.starts[number] : self.starts[number + 1]]
            content = stored if number == whole else _built(before, stored)
            yield number, content
            waiting += [(each, content) for each in grown.get(number, ())]

    def content(self, number: int) -> bytes:
        """One object.

        Raises:
            PackError: it can't be built.
        """
        return next(content for each, content in self.family(int(self.families[number])) if each == number)

    @cached_property
    def _by_family(self) -> tuple[Ints, list[int]]:
        order = np.argsort(self.families, kind="stable")
        return order, np.searchsorted(self.families[order], np.arange(len(self.ids) + 1)).tolist()


def _built(base: bytes, delta: bytes) -> bytes:
    try:
        return build(base, delta)
    except (ApplyDeltaError, ValueError):
        message = "one of its objects is damaged"
        raise PackError(message) from None


def stored_objects(
    packs: Sequence[tuple[PackIndex, Forest]], kind: int, loose: Iterable[GitObject], jobs: int
) -> Stored:
    """Every object of that type in `packs` (an object that two of them hold comes twice), and the `loose` ones.

    Raises:
        PackError: some can't be read, or they are too many to be kept.
    """
    count = kept = 0
    ids, bases, families = [np.zeros((0, _ID), np.uint8)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    sizes, texts = [np.zeros(0, np.int64)], []
    for index, forest in packs:
        nodes = np.nonzero(forest.needed_for(forest.types == kind))[0]
        kept += int(forest.headers.sizes[nodes].sum())
        if kept > _MOST_TEXT or count + len(nodes) > _MOST_OBJECTS:
            message = "it has too many of them to keep"
            raise PackError(message)
        parents = forest.headers.parents[nodes]
        ids.append(index.ids[nodes])
        bases.append(np.where(parents < 0, -1, np.searchsorted(nodes, parents) + count))
        families.append(np.searchsorted(nodes, forest.roots[nodes]) + count)
        sizes.append(forest.headers.sizes[nodes])
        texts.append(inflate(index, forest, nodes, jobs))
        count += len(nodes)
    for number, item in enumerate(loose, count):
        ids.append(np.frombuffer(bytes.fromhex(item.id), np.uint8).reshape(1, _ID))
        bases.append(np.array([-1]))
        families.append(np.array([number]))
        sizes.append(np.array([len(item.data)]))
        texts.append(item.data)
    ends = np.cumsum(np.concatenate(sizes))
    return Stored(
        np.concatenate(ids),
        np.concatenate(bases),
        np.concatenate(families),
        b"".join(texts),
        np.concatenate([[0], ends]),
    )
