"""A pack as what it is: many small trees of deltas, each growing from a whole object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tokenaudit.git.pack.headers import Headers, Ints

# What reading costs in nanoseconds, measured: per object, per compressed byte, per byte rebuilt and searched.
_PER_OBJECT, _PER_COMPRESSED, _PER_BYTE = 6000, 7, 0.55


@dataclass(frozen=True)
class Forest:
    """The delta trees of one pack.

    `roots` is the position of the whole object each object is built from, -1 for those that can't be built (no base
    here, or a base that is built from themselves). `depths` counts the deltas in between.
    """

    headers: Headers
    lengths: Ints
    roots: Ints
    depths: Ints

    @property
    def types(self) -> npt.NDArray[np.uint8]:
        """The type of every object, which a delta has from its root; 0 where that is unknown."""
        return np.where(self.roots >= 0, self.headers.types[self.roots], 0).astype(np.uint8)

    @cached_property
    def costs(self) -> npt.NDArray[np.float64]:
        """What reading each object costs, in nanoseconds, if every delta's result is as big as its root."""
        built = self.headers.sizes[np.maximum(self.roots, 0)]
        return _PER_OBJECT + _PER_COMPRESSED * self.lengths + _PER_BYTE * built

    def needed_for(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """`wanted` and everything these are built from."""
        needed = wanted & (self.roots >= 0)
        front = np.nonzero(needed)[0]
        while len(front):
            above = self.headers.parents[front]
            above = np.unique(above[above >= 0])
            front = above[~needed[above]]
            needed[front] = True
        return needed

    def sizes_of_trees(self, nodes: Ints) -> Ints:
        """For every object the number of `nodes` in the tree below and including it."""
        counts = np.zeros(len(self.roots), np.int64)
        counts[nodes] = 1
        by_depth = nodes[np.argsort(-self.depths[nodes], kind="stable")]
        depths = self.depths[by_depth]
        borders = np.nonzero(np.diff(depths))[0] + 1
        for level in np.split(by_depth, borders):
            if len(level) and self.depths[level[0]] > 0:
                np.add.at(counts, self.headers.parents[level], counts[level])
        return counts


def grow(headers: Headers, lengths: Ints) -> Forest:
    """Finds every object's root by doubling the steps taken towards it."""
    own = np.arange(len(headers.parents))
    jump = np.where(headers.parents < 0, own, headers.parents)
    depth = (jump != own).astype(np.int64)
    for _ in range(max(1, len(own)).bit_length()):
        further = jump[jump]
        if (further == jump).all():
            break
        depth += depth[jump]
        jump = further
    roots = np.where(headers.parents[jump] == -1, jump, -1)
    return Forest(headers, lengths, roots, depth)
