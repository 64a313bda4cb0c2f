"""The links between all commits of a repository: trees, parents, what refs reach, and an order with parents first."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tokenaudit.git.command import git
from tokenaudit.git.objects import CommitLinks
from tokenaudit.git.pack.contents import UndecidedError
from tokenaudit.git.pack.layout import Ids, Ints, as_rows, numbers_of, places_of_numbers
from tokenaudit.git.reachability import CommitKey, parents_first


class ParentLinks:
    """All commits of a repository. `parents[first[each] : first[each + 1]]` are the positions of a commit's parents.

    A parent that is not there has the position -1.
    """

    def __init__(self, git_dir: Path, links: CommitLinks) -> None:
        """Find the positions of all parents.

        Raises:
            UndecidedError: ids begin alike.
        """
        self._git_dir = git_dir
        self._reached: dict[tuple[str, ...], tuple[npt.NDArray[np.bool_], bool]] = {}
        self.ids = links.ids
        numbers = numbers_of(links.ids)
        self._order = np.argsort(numbers)
        self._by_id, self._numbers = links.ids[self._order], numbers[self._order]
        if (self._numbers[1:] == self._numbers[:-1]).any():
            message = "ids that begin alike"
            raise UndecidedError(message)
        self.parents = self._places(links.parents)
        self.first = np.concatenate([[0], np.cumsum(links.counts)])

    def of(self, git_dir: Path) -> ParentLinks:
        """Return the same links for another repository, which has the same commits."""
        other = copy.copy(self)
        other._git_dir, other._reached = git_dir, {}  # noqa: SLF001 - of its own class
        return other

    def _places(self, wanted: Ids) -> Ints:
        if not len(self.ids):
            return np.full(len(wanted), -1)
        places = places_of_numbers(wanted, self._by_id, self._numbers)
        return np.where(places >= 0, self._order[places], -1)

    @cached_property
    def _above(self) -> tuple[list[int], list[int]]:
        """`first` and `parents` as lists. With them, an unknown commit, at -1, has no parents."""
        return self.first.tolist(), self.parents.tolist()

    def reached(self, *tips: str) -> tuple[npt.NDArray[np.bool_], bool]:
        """Return which commits `tips` (such as `--all`) lead to, and whether all of these are known.

        Raises:
            GitError: the refs can't be read.
        """
        if tips in self._reached:
            return self._reached[tips]
        listing = git("rev-list", "--no-walk=unsorted", "--ignore-missing", *tips, git_dir=self._git_dir)
        waiting = self._places(as_rows(listing.decode("ascii").split())).tolist()
        first, parents = self._above
        reached = bytearray(len(first))  # the last byte is for unknown commits
        while waiting:
            each = waiting.pop()
            if not reached[each]:
                reached[each] = 1
                waiting += parents[first[each] : first[each + 1]]
        found = self._reached[tips] = np.frombuffer(bytes(reached), np.bool_)[:-1], not reached[-1]
        return found

    def unreached(self, commits: Sequence[str], *tips: str) -> frozenset[str] | None:
        """Return those of `commits` that `tips` (such as `--all`) don't lead to; None if a parent is unknown.

        Raises:
            GitError: the refs can't be read.
        """
        places = self._places(as_rows(commits))
        reached, is_known = self.reached(*tips)
        if not is_known or (places < 0).any():
            return None
        return frozenset(name for name, found in zip(commits, reached[places].tolist(), strict=True) if not found)

    def parents_first(self, commits: Mapping[str, CommitKey]) -> list[str] | None:
        """Sort `commits` like `reachability.parents_first`; None if a parent is unknown."""
        names = dict(zip(self._places(as_rows(commits)).tolist(), commits, strict=True))
        try:
            ordered = parents_first({place: commits[name] for place, name in names.items()}, self._parents_of)
        except UndecidedError:
            return None
        return [names[each] for each in ordered]

    def _parents_of(self, place: int) -> Sequence[int]:
        if place < 0:
            message = "a parent is missing"
            raise UndecidedError(message)
        first, parents = self._above
        return parents[first[place] : first[place + 1]]
