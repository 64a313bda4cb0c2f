"""Determine which commits and tags are reachable from refs."""

from __future__ import annotations

import heapq
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from tokenaudit.file_access import read_regular
from tokenaudit.git.command import Watchdog, allowance, git, reason, start
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.objects import GitObject, Unread

if TYPE_CHECKING:
    from typing_extensions import Self


_TARGET = b"object "
_ID_LENGTHS = (40, 64)


def is_null_id(name: str) -> bool:
    """Return whether `name` is the null id, which git hooks and CI use for a missing commit."""
    return len(name) in _ID_LENGTHS and not name.strip("0")


def reached(git_dir: Path, *tips: str) -> frozenset[str]:
    """Return every commit reachable from `tips` (revisions, or `--all`).

    The whole history is read without exclusions (`--not`, `^REV`): git uses commit dates to decide when to stop
    following an exclusion, so with skewed clocks its output contains excluded commits.

    Raises:
        GitError: the history can't be read.
    """
    return frozenset(git("rev-list", "--ignore-missing", *tips, "--", git_dir=git_dir).decode("ascii").split())


def unreached(git_dir: Path, commits: Iterable[str], *tips: str) -> frozenset[str]:
    """Return the commits in `commits` that are unreachable from `tips` (revisions, or `--all`).

    Raises:
        GitError: the history can't be read.
    """
    asked = frozenset(commits)
    return asked - reached(git_dir, *tips) if asked else asked


def commits_between(git_dir: Path, base: str | None, head: str) -> list[str]:
    """Return the commits reachable from `head` but not from `base` (None: all of them), parents before children.

    Raises:
        GitError: the history can't be read.
    """
    commits = ancestors_first(git_dir, [head])
    if base is None:
        return commits
    before = reached(git_dir, base)
    return [commit for commit in commits if commit not in before]


def ancestors_first(git_dir: Path, tips: Iterable[str]) -> list[str]:
    """Return every commit reachable from `tips` (ids), parents before children regardless of their dates.

    Raises:
        GitError: the history can't be read.
    """
    lines = "".join(f"{name}\n" for name in tips).encode()
    listing = git("rev-list", "--topo-order", "--reverse", "--stdin", git_dir=git_dir, stdin=lines)
    return listing.decode("ascii").split()


CommitKey: TypeAlias = tuple[int, str]
"""Committer date and id of a commit, which order unrelated commits."""

_Node = TypeVar("_Node", int, str)


def parents_first(commits: Mapping[_Node, CommitKey], parents: Callable[[_Node], Sequence[_Node]]) -> list[_Node]:
    """Sort `commits` with ancestors first. Of those whose ancestors are all placed, the one with the least key is next.

    `parents` returns the parents of a commit.
    """
    missing: dict[_Node, int] = {}
    children: defaultdict[_Node, list[_Node]] = defaultdict(list)
    waiting = list(commits)
    while waiting:
        each = waiting.pop()
        if each not in missing:
            above = parents(each)
            missing[each] = len(above)
            for parent in above:
                children[parent].append(each)
            waiting += above
    ready = [each for each, count in missing.items() if not count]
    placeable: list[tuple[CommitKey, _Node]] = []
    result: list[_Node] = []
    while ready or placeable:
        if ready:
            each = ready.pop()
            if each in commits:
                heapq.heappush(placeable, (commits[each], each))
                continue
        else:
            each = heapq.heappop(placeable)[1]
            result.append(each)
        for child in children[each]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return result


def ask_parents_first(git_dir: Path, commits: Mapping[str, CommitKey]) -> list[str]:
    """Sort `commits` like `parents_first`, with the parents that git prints.

    Raises:
        GitError: the history can't be read.
    """
    lines = "".join(f"{name}\n" for name in commits).encode()
    listing = git("rev-list", "--parents", "--stdin", git_dir=git_dir, stdin=lines).decode("ascii")
    parents = {name: above for name, *above in map(str.split, listing.splitlines())}
    return parents_first(commits, parents.__getitem__)


def parents_of(git_dir: Path, commits: Iterable[str]) -> dict[str, list[str]]:
    """Return the parents of each of `commits`.

    Raises:
        GitError: a commit can't be read.
    """
    lines = "".join(f"{name}\n" for name in sorted(commits)).encode()
    if not lines:
        return {}
    listing = git("rev-list", "--parents", "--no-walk=unsorted", "--stdin", git_dir=git_dir, stdin=lines)
    return {name: above for name, *above in map(str.split, listing.decode("ascii").splitlines())}


def newly_reached(
    links: Mapping[str, Sequence[str]], before: AbstractSet[str], now: AbstractSet[str], unreached: AbstractSet[str]
) -> frozenset[str] | None:
    """Return the new commits that the tips `now` reach, where earlier tips, `before`, reached all but `unreached`.

    `links` are the parents of new commits and the targets of new tags. None if the tips can now reach other commits
    among those that are not new.
    """
    seen: set[str] = set()
    waiting = list(now - before)
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += links.get(each, ())
    known = seen - links.keys()
    if not before - now <= known or (unreached and not known <= before):
        return None
    return frozenset(seen & links.keys())


def outside_head(git_dir: Path, commits: Iterable[str]) -> frozenset[str]:
    """Return the commits in `commits` that are not in the history of HEAD; all of them if HEAD is unborn.

    Raises:
        GitError: the history can't be read.
    """
    return unreached(git_dir, commits, "HEAD") if has_head(git_dir) else frozenset(commits)


def has_head(git_dir: Path) -> bool:
    """Return whether HEAD leads to a commit, False if it is unborn.

    Raises:
        GitError: git can't be run.
    """
    # Exit code 1: there is no such object. A git that was killed, or has no memory, exits differently.
    return bool(git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", git_dir=git_dir, allowed=(0, 1)))


def reached_tags(git_dir: Path, reader: ObjectReader) -> frozenset[str]:
    """Return every tag object that a ref or another reachable tag points to."""
    listing = git("for-each-ref", "--format=%(objecttype) %(objectname)", git_dir=git_dir).decode("ascii")
    waiting = [name for kind, name in (line.split() for line in listing.splitlines()) if kind == "tag"]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        tag = reader.read(name)
        if isinstance(tag, GitObject) and b"\ntype tag\n" in tag.data[:120] and tag.data.startswith(_TARGET):
            waiting.append(tag.data[len(_TARGET) :].split(b"\n", 1)[0].decode("ascii", "replace"))
    return frozenset(found)


def shallow_commits(common_dir: Path) -> frozenset[str]:
    """Return the commits at which the history of a shallow clone ends."""
    try:
        return frozenset(read_regular(common_dir / "shallow").decode("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()


def has_commits(git_dir: Path) -> bool:
    """Return whether any ref leads to a commit. Also False if git fails; callers then check the objects."""
    return bool(git("rev-list", "--max-count=1", "--all", git_dir=git_dir, allowed=(0, 128)).strip())


_MOST_NAMED = 1000


class MissingObjects:
    """Finds objects that are referenced from refs, reflogs and HEADs but missing from the repository.

    Reading every object that a repository *has* can't show missing ones, so git follows all links and prints broken
    ones. It runs in parallel to the reading of objects, until the context ends; `found` waits for it.

    Raises:
        GitError: git can't be started.
    """

    def __init__(self, git_dir: Path, *, unpacked: bool = False) -> None:
        """With `unpacked`, follow only links from objects outside packs, because git writes complete packs."""
        where = ["--unpacked"] if unpacked else []
        self._process = start(
            ["rev-list", "--objects", "--all", "--reflog", "--indexed-objects", "--missing=print", "--quiet", *where],
            git_dir=git_dir,
            stderr=subprocess.PIPE,
        )
        self._watchdog = Watchdog(self._process, allowance(git_dir).seconds)
        self._complaint = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Read stderr, so that git does not block on a full pipe."""
        if self._process.stderr is not None:
            self._complaint = self._process.stderr.read()

    def found(self) -> Iterator[Unread]:
        """Yield missing objects by id; if there are more than a thousand, the first ones and the number of others."""
        count = 0
        names = []
        with self._watchdog.waiting():
            for line in self._process.stdout or ():
                if not line.startswith(b"?"):
                    continue
                count += 1
                if count <= _MOST_NAMED:
                    names.append(line[1:].strip().decode("ascii", "replace"))
            code = self._process.wait()
        yield from (Unread(name, "the object is missing") for name in names)
        if count > _MOST_NAMED:
            yield Unread("more objects", f"{count - _MOST_NAMED:,} more are missing")
        self._listener.join()
        if self._watchdog.has_ended:
            yield Unread("links between objects", self._watchdog.explain())
        elif code != 0:
            yield Unread("links between objects", f"git could not follow all links: {reason(self._complaint, code)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop git if it is still running."""
        self._watchdog.close()
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
