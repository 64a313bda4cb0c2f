"""What commits changed as far as some blobs are concerned, worked out from a repository's own packs.

The answer is that of `git.log.changes`, which lets git compare every commit with its parents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np

from tokenaudit.git.holding import Holders, entries, holders
from tokenaudit.git.log import Change, Changes, Commit
from tokenaudit.git.pack.lineage import Finder, Lineage
from tokenaudit.git.pack.stored import Stored

Paths = Mapping[bytes, bytes]
_NO_BLOB = ""


def compare(
    known: Lineage, blobs: Iterable[str], who: Callable[[Sequence[str]], Mapping[str, Commit]]
) -> list[Changes]:
    """Every commit that puts one of `blobs` somewhere or takes it away, oldest first.

    `who` tells who made the commits that it is asked for.

    Raises:
        PackError: something in the lineage can't be built.
    """
    where = holders(known.trees, map(bytes.fromhex, blobs))
    resolver = _Resolver(known.trees)
    roots = [raw.tobytes() for raw in known.roots]
    holding = {commit for commit, root in enumerate(roots) if root in where.trees}
    found = {}
    for commit in range(len(roots)):
        parents = known.parents_of(commit)
        if commit in holding or not holding.isdisjoint(parents):
            changed = _changed(where, roots[commit], [roots[parent] for parent in parents], resolver)
            if changed:
                found[known.commits[commit].tobytes().hex()] = tuple(changed)
    told = who(sorted(found))
    steps = [Changes(told[name], changed) for name, changed in found.items()]
    return sorted(steps, key=lambda step: (step.commit.committed, step.commit.id))


def _changed(where: Holders, root: bytes, parents: Sequence[bytes], resolver: _Resolver) -> list[Change]:
    """`root` and `parents` are trees."""
    now, before = where.paths(root), [where.paths(parent) for parent in parents]
    if before and all(now == each for each in before):
        return []
    changed = [path for path in {*now, *(path for each in before for path in each)} if _differs(path, now, before)]
    if len(before) > 1 and any(path in now for path in changed):
        # Where a merge brings something, it matters what it takes away; where both sides are no blobs of ours, whether
        # they are the same has to be looked up.
        changed = [path for path in changed if path in now or resolver.differs(path, root, parents)]
    elif len(before) > 1:
        changed = [path for path in changed if all(path in each for each in before)]
    return [
        Change(
            path.decode("utf-8", "surrogateescape"),
            tuple(_name(each.get(path)) for each in before) or (_NO_BLOB,),
            _name(now.get(path)),
        )
        for path in sorted(changed)
    ]


def _differs(path: bytes, now: Paths, before: Sequence[Paths]) -> bool:
    blob = now.get(path)
    return blob is None or all(each.get(path) != blob for each in before)


def _name(raw: bytes | None) -> str:
    return raw.hex() if raw else _NO_BLOB


class _Resolver:
    """Looks up what stands at a path."""

    def __init__(self, trees: Stored) -> None:
        self._trees = trees

    def differs(self, path: bytes, tree: bytes, others: Sequence[bytes]) -> bool:
        """Whether `tree` has something else at `path` than each of the others."""
        here = self._at(tree, path)
        return all(self._at(other, path) != here for other in others)

    def _at(self, tree: bytes, path: bytes) -> bytes | None:
        found: bytes | None = tree
        for name in path.split(b"/"):
            found = self._entries(found).get(name) if found else None
        return found

    def _entries(self, tree: bytes) -> dict[bytes, bytes]:
        number = int(self._number(np.frombuffer(tree, np.uint8)[None])[0])
        return {} if number < 0 else dict(entries(self._trees.content(number)))

    @cached_property
    def _number(self) -> Finder:
        return Finder(self._trees.ids)
