"""Which commits and tags some ref still leads to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenaudit.git.catfile import ObjectReader
from tokenaudit.git.command import GitError, git
from tokenaudit.git.objects import GitObject

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
