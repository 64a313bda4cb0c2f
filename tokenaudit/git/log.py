"""Read the changes of commits from git."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tokenaudit.git.command import GitError, GitLimitError, allowance, git
from tokenaudit.timestamps import from_unix

_FEWEST = 2000
"""Commits per git process; fewer are not worth another process."""
_MOST_FAILURES = 20
_LEAST_SECONDS = 1.0
MOST_PARENTS = 200
"""Maximum parents of a commit to compare it with, because git prints an id of each for every path."""

_SUBMODULE = "160000"
_MOST_OBJECTS = 500 if os.name == "nt" else 10_000
"""Maximum ids on a command line; with more, the output is filtered here instead of by git."""

_FEW_OBJECTS, _OBJECTS_PER_COMMIT = 100, 10
"""The same for few commits: git looks up each id, which takes as long as printing some paths."""


class Commit(NamedTuple):
    """A commit's author and author date (in UTC; None if it is out of range).

    `committed` is the committer date in Unix seconds. Clocks can be wrong, so it only orders unrelated commits.
    """

    id: str
    author: str
    date: datetime | None
    committed: int


class Change(NamedTuple):
    """One path that differs from all parents of a commit. `old` contains the blob ids of the parents."""

    path: str
    old: tuple[str, ...]
    new: str


class Changes(NamedTuple):
    """The changes of one commit that involve the requested blobs."""

    commit: Commit
    changes: tuple[Change, ...]


def changes(
    git_dir: Path, blobs: frozenset[str] | None, commits: Sequence[str], jobs: int = 1
) -> tuple[list[Changes], list[str]]:
    """Return the changes of `commits` that add or remove one of `blobs` (None: any), in order, and failures.

    Commits of submodules are ignored. A merge is included only for paths that differ from all its parents. Up to `jobs`
    git processes run in parallel. The failures name commits that can't be compared with their parents or have more than
    `MOST_PARENTS`.
    """
    size = max(_FEWEST, -(-len(commits) // max(1, jobs)))
    parts = [commits[start : start + size] for start in range(0, len(commits), size)]
    failures: list[str] = []
    if len(parts) == 1:
        found = _compare(git_dir, blobs, parts[0], failures)
    else:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not needed for short histories

        with ThreadPoolExecutor(len(parts) or 1) as pool:
            done = [pool.submit(_compare, git_dir, blobs, part, failures) for part in parts]
            found = [step for each in done for step in each.result()]
    place = {name: number for number, name in enumerate(commits)}
    found.sort(key=lambda step: place[step.commit.id])
    return found, sorted(failures)


def _compare(
    git_dir: Path,
    blobs: frozenset[str] | None,
    commits: Sequence[str],
    failures: list[str],
    seconds: float | None = None,
) -> list[Changes]:
    """Bisect commits that git can't process at once to find those at fault, until there are too many.

    Each half has half the time limit (at least `_LEAST_SECONDS`), so that one commit that never ends takes at most a
    few times the limit of all.
    """
    seconds = allowance(git_dir).seconds if seconds is None else seconds
    try:
        return _ask(git_dir, blobs, commits, failures, seconds)
    except GitError as error:
        if len(commits) == 1:
            failures.append(f"commit {commits[0]} can't be compared with its parents: {error}")
            return []
        if len(failures) >= _MOST_FAILURES:
            failures.append(f"{len(commits)} commits from {commits[0]} on were not compared with their parents")
            return []
        if isinstance(error, GitLimitError):
            seconds = max(seconds / 2, _LEAST_SECONDS)
    middle = len(commits) // 2
    return [
        *_compare(git_dir, blobs, commits[:middle], failures, seconds),
        *_compare(git_dir, blobs, commits[middle:], failures, seconds),
    ]


def _ask(
    git_dir: Path, blobs: frozenset[str] | None, commits: Sequence[str], failures: list[str], seconds: float
) -> list[Changes]:
    most = min(_MOST_OBJECTS, max(_FEW_OBJECTS, _OBJECTS_PER_COMMIT * len(commits)))
    asked = sorted(blobs) if blobs is not None and len(blobs) <= most else []
    lines = "".join(f"{commit}\n" for commit in commits).encode()
    raw_output = git(
        "log", "-z", "--raw", "-c", "--root", "--no-renames", "--no-abbrev", "--no-walk=unsorted",
        "--ignore-submodules=all", "--encoding=UTF-8", f"--max-parents={MOST_PARENTS}",
        "--format=%H%n%ct%n%at%n%an <%ae>", "--stdin", *[f"--find-object={blob}" for blob in asked],
        git_dir=git_dir, stdin=lines, seconds=seconds,
    )  # fmt: skip
    printed: set[str] = set()
    found = list(_parsed(_fields(raw_output), blobs, printed))
    if printed.issuperset(commits):
        return found  # git has left out none, so none has too many parents
    many = git(
        "rev-list", "--no-walk=unsorted", f"--min-parents={MOST_PARENTS + 1}", "--stdin", git_dir=git_dir, stdin=lines
    )
    failures += [too_many_parents(name) for name in many.decode("ascii").split()]
    return found


def too_many_parents(name: str) -> str:
    """Return the failure of a commit with more than `MOST_PARENTS`."""
    return f"commit {name} has more than {MOST_PARENTS} parents and was not compared with them"


def _fields(raw_output: bytes) -> Iterator[bytes]:
    """Yield the fields between NULs one by one; splitting at once would double the memory."""
    at = 0
    while at < len(raw_output):
        end = raw_output.find(b"\0", at)
        end = len(raw_output) if end < 0 else end
        yield raw_output[at:end]
        at = end + 1


def _parsed(fields: Iterator[bytes], blobs: frozenset[str] | None, printed: set[str]) -> Iterator[Changes]:
    """Yield the changes that involve `blobs`, and add the id of each commit to `printed`."""
    commit: Commit | None = None
    found: list[Change] = []
    for raw in fields:
        field = raw.lstrip(b"\n")
        if field.startswith(b":"):
            change = _change(field, next(fields, b""))
            if change and (blobs is None or change.new in blobs or not blobs.isdisjoint(change.old)):
                found.append(change)
        elif field:
            if commit and found:
                yield Changes(commit, tuple(found))
            commit, found = _commit(field), []
            printed.add(commit.id)
    if commit and found:
        yield Changes(commit, tuple(found))


def _commit(header: bytes) -> Commit:
    identity, committed, when, author = header.decode("utf-8", "replace").split("\n", 3)
    return Commit(identity, author.rstrip("\n"), moment(when), int(committed or 0))


def _change(meta: bytes, path: bytes) -> Change | None:
    fields = meta.lstrip(b":").decode("ascii").split(" ")
    parents = len(meta) - len(meta.lstrip(b":"))
    modes, ids = fields[: parents + 1], fields[parents + 1 : 2 * parents + 2]
    if modes[-1] == _SUBMODULE:
        return None
    old = tuple(name for mode, name in zip(modes, ids, strict=True) if mode != _SUBMODULE)[:-1]
    return Change(path.decode("utf-8", "surrogateescape"), old, ids[-1])


def moment(seconds: str) -> datetime | None:
    """Convert Unix seconds to a time; None if they are not a number or out of range."""
    try:
        return from_unix(int(seconds))
    except (ValueError, OverflowError):  # not a number, or too large for a float
        return None
