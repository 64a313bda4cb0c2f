"""Many objects as one text, and the links of the commits in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokenaudit.git.objects import CommitLinks
from tokenaudit.git.pack.layout import ID_SIZE, Ids, Ints

_TREE_LINE = b"tree "
_PARENT_LINE = b"parent "
_HEX_DIGITS = 40
_DIGITS = np.full(256, 255, np.uint8)
_DIGITS[list(b"0123456789abcdef")] = range(16)


class ObjectTexts(NamedTuple):
    """Contents of objects, with one byte in between. They begin at `starts` in `text`; `nodes` are their positions."""

    text: bytes
    starts: Ints
    nodes: Ints

    @classmethod
    def of(cls, contents: Sequence[bytes]) -> ObjectTexts:
        """Return `contents`, whose positions are those in the sequence."""
        lengths = [len(each) + 1 for each in contents]
        starts = np.cumsum([0, *lengths])[:-1]
        return cls(b"\0".join(contents), starts, np.arange(len(contents)))

    @property
    def ends(self) -> Ints:
        """The positions in `text` where the contents end."""
        return np.append(self.starts[1:] - 1, len(self.text))[: len(self.starts)]


def joined_links(links: Sequence[CommitLinks]) -> CommitLinks:
    """Return the commits of all `links`."""
    return CommitLinks(*(np.concatenate(columns) for columns in zip(*links, strict=True)))


def read_links(commits: ObjectTexts, ids: Ids) -> CommitLinks:
    """Return the links of `commits`, whose raw ids are `ids`."""
    data = np.frombuffer(commits.text + bytes(_LINE), np.uint8)
    line = np.lib.stride_tricks.sliding_window_view(data, _LINE)
    at, ends = commits.starts, commits.ends
    trees, is_fine = _link(line[at], at, ends, _TREE_LINE)
    at = at + _TREE_LENGTH
    reading = np.arange(len(at))
    found: list[tuple[Ints, Ids]] = []
    while len(reading):
        rows = line[at[reading]]
        is_parent = (rows[:, : len(_PARENT_LINE)] == np.frombuffer(_PARENT_LINE, np.uint8)).all(axis=1)
        is_parent &= at[reading] + len(_PARENT_LINE) <= ends[reading]
        reading, rows = reading[is_parent], rows[is_parent]
        parents, is_whole = _link(rows, at[reading], ends[reading], _PARENT_LINE)
        is_fine[reading] &= is_whole
        found.append((reading, parents))
        at[reading] += _LINE
        reading = reading[is_whole]
    children = np.concatenate([np.zeros(0, np.int64), *(each for each, _ in found)])
    parents = np.concatenate([np.zeros((0, ID_SIZE), np.uint8), *(each for _, each in found)])
    order = np.argsort(children, kind="stable")
    order = order[is_fine[children[order]]]
    counts = np.bincount(children, minlength=len(ids))[is_fine]
    return CommitLinks(ids[is_fine], trees[is_fine], counts, parents[order], ids[~is_fine])


_LINE = len(_PARENT_LINE) + _HEX_DIGITS + 1
_TREE_LENGTH = len(_TREE_LINE) + _HEX_DIGITS + 1


def _link(rows: npt.NDArray[np.uint8], at: Ints, ends: Ints, name: bytes) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Return the raw ids in lines that begin with `name`, and which of them are well-formed."""
    start, stop = len(name), len(name) + _HEX_DIGITS
    digits = _DIGITS[rows[:, start:stop]]
    is_fine = (rows[:, :start] == np.frombuffer(name, np.uint8)).all(axis=1) & (digits < 16).all(axis=1)  # noqa: PLR2004 - hexadecimal
    is_fine &= (rows[:, stop] == ord("\n")) & (at + stop < ends)
    ids = (digits[:, 0::2] << 4) | (digits[:, 1::2] & 15)
    return ids.astype(np.uint8, copy=False), np.asarray(is_fine, bool)
