"""Which commits and tags some ref still leads to."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.file_access import read_regular
from tokenaudit.git.command import GitError, Watchdog, allowance, git, reason, start
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.objects import GitObject, Unread

if TYPE_CHECKING:
    from typing_extensions import Self


_TARGET = b"object "
_ID_LENGTHS = (40, 64)


def is_null_id(name: str) -> bool:
    """Whether `name` is the id that git hooks and CI give in place of a commit that does not exist."""
    return len(name) in _ID_LENGTHS and not name.strip("0")


def reached(git_dir: Path, *tips: str) -> frozenset[str]:
    """Every commit that one of `tips` (revisions, or `--all`) leads to.

    The whole history is walked and nothing is excluded on the way: git decides by commit dates when an exclusion
    (`--not`, `^REV`) has gone far enough, so with skewed clocks it leaves excluded commits in its answer.

    Raises:
        GitError: history can't be walked.
    """
    return frozenset(git("rev-list", "--ignore-missing", *tips, "--", git_dir=git_dir).decode("ascii").split())


def unreached(git_dir: Path, commits: Iterable[str], *tips: str) -> frozenset[str]:
    """Those of `commits` that none of `tips` (revisions, or `--all`) leads to.

    Raises:
        GitError: history can't be walked.
    """
    asked = frozenset(commits)
    return asked - reached(git_dir, *tips) if asked else asked


def commits_between(git_dir: Path, base: str | None, head: str) -> list[str]:
    """The commits that `head` leads to and `base` does not (None: all of them), parents before children.

    Raises:
        GitError: history can't be walked.
    """
    commits = ancestors_first(git_dir, [head])
    if base is None:
        return commits
    before = reached(git_dir, base)
    return [commit for commit in commits if commit not in before]


def ancestors_first(git_dir: Path, tips: Iterable[str]) -> list[str]:
    """Every commit that one of `tips` (ids) leads to, parents before children whatever their dates.

    Raises:
        GitError: history can't be walked.
    """
    lines = "".join(f"{name}\n" for name in tips).encode()
    listing = git("rev-list", "--topo-order", "--reverse", "--stdin", git_dir=git_dir, stdin=lines)
    return listing.decode("ascii").split()


def outside_head(git_dir: Path, commits: Iterable[str]) -> frozenset[str]:
    """Those of `commits` that are no part of HEAD's history; all of them where there is no HEAD yet."""
    try:
        git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", git_dir=git_dir)
    except GitError:
        return frozenset(commits)
    return unreached(git_dir, commits, "HEAD")


def reached_tags(git_dir: Path, reader: ObjectReader) -> frozenset[str]:
    """Every tag object that a ref names, or that such a tag names in turn."""
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
    """The commits at which a shallow clone's history ends."""
    try:
        return frozenset(read_regular(common_dir / "shallow").decode("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()


def has_commits(git_dir: Path) -> bool:
    """Whether any ref leads to a commit. False also where git can't tell: the objects themselves then decide."""
    return bool(git("rev-list", "--max-count=1", "--all", git_dir=git_dir, allowed=(0, 128)).strip())


_MOST_NAMED = 1000


class MissingObjects:
    """Git's own walk over everything that refs, reflogs and HEADs lead to, beside the reading of what is there.

    Reading every object a repository *has* can't show what it lacks, so git is asked to follow all links and to print
    those that lead nowhere. It runs while the objects are read, until the context ends; `found` waits for it.

    Raises:
        GitError: git can't be started.
    """

    def __init__(self, git_dir: Path, *, unpacked: bool = False) -> None:
        """With `unpacked` only links from objects outside packs are followed: git makes packs that are whole."""
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
        """Empties stderr, so that git can't be held up by a full pipe."""
        if self._process.stderr is not None:
            self._complaint = self._process.stderr.read()

    def found(self) -> Iterator[Unread]:
        """Every missing object by id; where there are very many, the first thousand and how many more."""
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
        """Ends git's walk if it is still going."""
        self._watchdog.close()
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
