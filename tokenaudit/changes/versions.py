"""Which files changed between two revisions, which existed only in between, and which commits changed them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tokenaudit.content.change import FileChange, FileVersion
from tokenaudit.hub.repo_content import RepoFile

MOST_SINGLE_COMMITS = 50
"""Maximum number of commits of a window that are examined one by one; of more, only the first and last revision."""

Files = Mapping[str, RepoFile]
"""The files of a revision, by path."""


@dataclass(frozen=True)
class SingleChange:
    """A change with the revision that has its version after, and the commits that made it.

    `removed_in` is the commit that removed or replaced that version again; None if it still exists.
    """

    change: FileChange
    after_file: RepoFile | None
    commits: tuple[str, ...] = ()
    ref: str | None = None
    removed_in: str | None = None

    @property
    def is_at_head(self) -> bool:
        """Whether the default branch has the version after now."""
        return self.ref is None and self.removed_in is None


def same(one: RepoFile | None, other: RepoFile | None) -> bool:
    """Whether two files have the same content."""
    if one is None or other is None:
        return one is other
    return one.blob_id == other.blob_id or (bool(one.content_id) and one.content_id == other.content_id)


Opener = Callable[[str, RepoFile], FileVersion]
"""Returns the readable version of a file at a revision."""


def changes_between(before: Files, after: Files, old: str | None, new: str, version: Opener) -> Iterator[FileChange]:
    """Every change between the files at the revisions `old` and `new`; a moved file is one change."""
    gone = [file for path, file in before.items() if path not in after]
    added = [file for path, file in after.items() if path not in before]
    by_content: dict[str, list[RepoFile]] = defaultdict(list)
    for file in gone:
        if file.size:
            by_content[file.content_id].append(file)
    moved: set[str] = set()
    for file in added:
        sources = by_content.get(file.content_id) if file.size and file.content_id else None
        if sources and old is not None:
            source = sources.pop()
            moved.add(source.path)
            yield FileChange("renamed", version(old, source), version(new, file))
        else:
            yield FileChange("added", None, version(new, file))
    for path, file in after.items():
        if old is not None and path in before and not same(before[path], file):
            yield FileChange("modified", version(old, before[path]), version(new, file))
    for file in gone:
        if file.path not in moved and old is not None:
            yield FileChange("deleted", version(old, file), None)


def commits_by_path(trees: list[tuple[str, Files]]) -> dict[str, list[str]]:
    """The commits that changed each path, newest first; `trees` are revisions newest first, the last one the base."""
    found: dict[str, list[str]] = defaultdict(list)
    for (commit, files), (_, base) in pairwise(trees):
        for path in {**base, **files}:
            if not same(files.get(path), base.get(path)):
                found[path].append(commit)
    return dict(found)


@dataclass(frozen=True)
class PassingVersion:
    """A version of a file that existed only inside the window: its commit, and the commit that ended it."""

    commit: str
    file: RepoFile
    removed_in: str


def passing_versions(trees: list[tuple[str, Files]]) -> Iterator[PassingVersion]:
    """Distinct versions that only revisions between the first and the last of `trees` (newest first) have."""
    if len(trees) < 3:  # noqa: PLR2004 - both ends and at least one in between
        return
    head, base = trees[0][1], trees[-1][1]
    seen: set[tuple[str, str]] = set()
    for number in range(1, len(trees) - 1):
        commit, files = trees[number]
        newer = trees[number - 1]
        for path, file in files.items():
            key = (path, file.blob_id)
            if key in seen or same(file, head.get(path)) or same(file, base.get(path)):
                continue
            seen.add(key)
            # `trees` go from new to old: the first revision that has it is the last one in time.
            yield PassingVersion(commit, file, newer[0])


def paths_of_diff(diff: str) -> set[str]:
    """Every old and new path in a git diff; quoted names are C strings."""
    found: set[str] = set()
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            found.update(_header(line.removeprefix("diff --git ")))
        elif line.startswith(("rename from ", "rename to ", "copy to ")):
            found.add(_unquoted(line.split(" ", 2)[2]))
    return found


def _header(names: str) -> Iterator[str]:
    """The name in `a/NAME b/NAME`. Different names belong to a rename, which has separate lines."""
    if names.startswith('"'):
        first = _QUOTED.match(names)
        if first is not None:
            yield _unquoted(first[0])[2:]
        return
    half = (len(names) - 1) // 2
    if names[half : half + 1] == " " and names[:half].startswith("a/") and names[half + 1 :] == f"b/{names[2:half]}":
        yield names[2:half]


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    raw = bytearray()
    at = 1
    body = name[:-1]
    while at < len(body):
        found = _ESCAPE.match(body, at)
        if found is None:
            raw += body[at].encode()
            at += 1
            continue
        code = found[1]
        raw += bytes([int(code, 8) & 0xFF]) if len(code) > 1 else _LETTERS.get(code, code).encode()
        at = found.end()
    return raw.decode("utf-8", "surrogateescape")
