"""Which commits introduced something that was seen in blobs.

Only hits are attributed, so the work grows with what was found. What was seen is known here by a mark (a fingerprint)
alone. A mark is introduced where a commit's version of a path carries it and no parent's version did; a file that moved
in a commit keeps the commit that first brought the mark to its old path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tokenaudit.git.catfile import Listed, list_objects
from tokenaudit.git.command import GitError, git
from tokenaudit.git.log import Change, Changes, Commit, changes

Marks = Mapping[str, frozenset[str]]
"""Blob id to the marks seen in it."""

_NOTES = "refs/notes/*"


@dataclass(frozen=True)
class Introduction:
    """A mark's arrival at a path. `commit` is None for a blob that no commit holds, `path` where nothing names it."""

    mark: str
    blob: str
    path: str | None
    commit: Commit | None
    reachable: bool
    in_head: bool
    is_note: bool = False


@dataclass
class Attribution:
    """The introductions of all marks, and what stood in the way of finding more."""

    introductions: list[Introduction] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)


def attribute(git_dir: Path, marks: Marks) -> Attribution:
    """Finds the introductions of every mark, in history, in notes, in unreachable commits and in the index."""
    result = Attribution()
    if not marks:
        return result
    blobs = frozenset(marks)
    head = _tree(git_dir, "HEAD")
    seen: set[str] = set()
    for revisions, is_note in (
        ([f"--exclude={_NOTES}", "--all"], False),
        ([f"--glob={_NOTES}"], True),
    ):
        if is_note and not _has_notes(git_dir):
            continue
        history = _History(marks, head, reachable=True, is_note=is_note)
        _collect(git_dir, blobs, revisions, (), history, result, seen)
    if blobs - seen:
        commits = [item.id for item in list_objects(git_dir) if isinstance(item, Listed) and item.type == "commit"]
        history = _History(marks, head, reachable=False, is_note=False)
        _collect(git_dir, blobs - seen, ["--not", "--all"], commits, history, result, seen)
    result.introductions.extend(_without_commit(git_dir, marks, blobs - seen))
    return result


def introductions_in(git_dir: Path, steps: Iterable[Changes], marks: Marks) -> list[Introduction]:
    """What `steps`, some commits of HEAD given parents first, introduce; what only moved in them is left out."""
    history = _History(marks, _tree(git_dir, "HEAD"), reachable=True, is_note=False, moves_count=False)
    for step in steps:
        history.take(step)
    return list(history.introductions())


def _collect(
    git_dir: Path,
    blobs: frozenset[str],
    revisions: list[str],
    tips: tuple[str, ...] | list[str],
    history: _History,
    result: Attribution,
    seen: set[str],
) -> None:
    try:
        for step in changes(git_dir, blobs, revisions, tips):
            seen.update(change.new for change in step.changes)
            history.take(step)
    except GitError as error:
        result.incomplete.append(f"not every commit could be attributed: {error}")
    result.introductions.extend(history.introductions())


class _History:
    """Follows marks through commits given parents first."""

    def __init__(
        self, marks: Marks, head: Mapping[str, str], *, reachable: bool, is_note: bool, moves_count: bool = True
    ) -> None:
        self._marks = marks
        self._head = head
        self._reachable = reachable
        self._is_note = is_note
        self._moves_count = moves_count
        self._origin: dict[tuple[str, str], Commit] = {}
        self._found: dict[tuple[str, str, str], Commit] = {}

    def take(self, step: Changes) -> None:
        """Notes what one commit introduced."""
        for change in step.changes:
            for mark in sorted(self._of(change.new)):
                if any(mark in self._of(old) for old in change.old):
                    continue
                left = [item.path for item in step.changes if self._leaves(item, mark)]
                if left and not self._moves_count:
                    continue
                origins = [self._origin[mark, path] for path in left if (mark, path) in self._origin]
                origin = origins[0] if origins else step.commit
                self._origin[mark, change.path] = origin
                self._found.setdefault((mark, change.path, change.new), origin)

    def _leaves(self, change: Change, mark: str) -> bool:
        return mark not in self._of(change.new) and any(mark in self._of(old) for old in change.old)

    def introductions(self) -> Iterator[Introduction]:
        for (mark, path, blob), commit in self._found.items():
            in_head = not self._is_note and mark in self._of(self._head.get(path, ""))
            yield Introduction(mark, blob, path, commit, self._reachable, in_head, self._is_note)

    def _of(self, blob: str) -> frozenset[str]:
        return self._marks.get(blob, frozenset())


def _without_commit(git_dir: Path, marks: Marks, blobs: frozenset[str]) -> Iterator[Introduction]:
    """Blobs that only the index names, or nothing at all."""
    if not blobs:
        return
    staged = _index(git_dir)
    for blob in sorted(blobs):
        for mark in sorted(marks[blob]):
            for path in staged.get(blob, [None]):
                yield Introduction(mark, blob, path, None, reachable=False, in_head=False)


def _tree(git_dir: Path, revision: str) -> dict[str, str]:
    try:
        listing = git("ls-tree", "-r", "-z", revision, git_dir=git_dir)
    except GitError:
        return {}  # an unborn HEAD, or a broken one: nothing stands in it
    found: dict[str, str] = {}
    for entry in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        meta, _, path = entry.partition("\t")
        found[path] = meta.rpartition(" ")[2]
    return found


def _index(git_dir: Path) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    try:
        listing = git("ls-files", "--stage", "-z", git_dir=git_dir)
    except GitError:
        return found  # a bare repository, or an index that can't be read, names no path
    for entry in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        meta, _, path = entry.partition("\t")
        found.setdefault(meta.split(" ")[1], []).append(path)
    return found


def _has_notes(git_dir: Path) -> bool:
    return bool(git("for-each-ref", "--count=1", "refs/notes/", git_dir=git_dir))
