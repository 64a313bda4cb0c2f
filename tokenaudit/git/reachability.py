"""Which commits and tags some ref still leads to."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.git.catfile import ObjectReader
from tokenaudit.git.command import GitError, git, reason, start
from tokenaudit.git.objects import GitObject, Unread

if TYPE_CHECKING:
    from typing_extensions import Self


_TARGET = b"object "


def unreached(git_dir: Path, commits: Iterable[str], *tips: str) -> frozenset[str]:
    """Those of `commits` that none of `tips` (revisions, or `--all`) leads to.

    Raises:
        GitError: history can't be walked.
    """
    asked = frozenset(commits)
    if not asked:
        return asked
    lines = "".join(f"{name}\n" for name in sorted(asked)).encode()
    told = git("rev-list", "--ignore-missing", "--stdin", "--not", *tips, git_dir=git_dir, stdin=lines)
    return asked.intersection(told.decode("ascii").split())


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
        return frozenset((common_dir / "shallow").read_text("ascii").split())
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
        for line in self._process.stdout or ():
            if not line.startswith(b"?"):
                continue
            count += 1
            if count <= _MOST_NAMED:
                yield Unread(line[1:].strip().decode("ascii", "replace"), "the object is missing")
        if count > _MOST_NAMED:
            yield Unread("further objects", f"{count - _MOST_NAMED:,} more are missing")
        code = self._process.wait()
        self._listener.join()
        if code != 0:
            yield Unread("links between objects", f"git could not follow them all: {reason(self._complaint, code)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends git's walk if it is still going."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
