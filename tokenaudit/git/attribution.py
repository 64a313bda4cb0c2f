"""Find the commits that introduced credentials found in blobs.

Only hits are attributed, so the work is proportional to the detections. Credentials are represented by fingerprints. A
commit introduces a fingerprint if its version of a path contains it and no parent's version does. A file that moved in
a commit is attributed to the commit that introduced the fingerprint at its old path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokenaudit.git.command import GitError
from tokenaudit.git.layout import files_of_head, staged_files
from tokenaudit.git.log import Change, Changes, Commit, changes
from tokenaudit.git.reachability import CommitKey, ask_parents_first, has_head, unreached
from tokenaudit.git.whole import CommitGraph, UnusualError

if TYPE_CHECKING:
    from tokenaudit.git.candidates import Narrowed
    from tokenaudit.git.commit_links import ParentLinks

Fingerprints = Mapping[str, frozenset[str]]
"""Blob id to the fingerprints found in it."""


class Introduction(NamedTuple):
    """A fingerprint added at a path. `commit` is None for a blob in no commit, `path` for a blob without a name."""

    fingerprint: str
    blob: str
    path: str | None
    commit: Commit | None
    reachable: bool
    in_head: bool
    is_note: bool = False


class Reachability(NamedTuple):
    """The relevant commits that are unreachable from any ref, and those reachable only from notes."""

    lost: frozenset[str] = frozenset()
    notes: frozenset[str] = frozenset()


@dataclass
class Attribution:
    """The introductions of all fingerprints, and the reasons why some could not be found.

    `commits` are the commits that add a fingerprint to a path, parents first; all others can be left out the next time.
    `reach` is their reachability. `unnamed` are the blobs that no commit adds.
    """

    introductions: list[Introduction] = field(default_factory=list)
    commits: tuple[str, ...] = ()
    reach: Reachability = field(default_factory=Reachability)
    unnamed: frozenset[str] = frozenset()
    incomplete: list[str] = field(default_factory=list)


def attribute(
    git_dir: Path,
    fingerprints: Fingerprints,
    commits: Sequence[str],
    jobs: int = 1,
    known: tuple[Sequence[str], Reachability] | None = None,
    graph: CommitGraph | None = None,
    named: AbstractSet[str] = frozenset(),
    narrowed: Narrowed | None = None,
    *,
    has_notes: bool = True,
) -> Attribution:
    """Find the introductions of every fingerprint in `commits` (all, including unreachable ones) and in the index.

    `known` are the `commits` of an earlier attribution and the reachability of all `commits` now. With `graph`, which
    describes the same repository, git is not needed. `named` are blobs that other commits than `commits` add. Of
    `commits`, only those in `narrowed` are compared; its links replace two git commands that follow all of them.

    Raises:
        GitError: git can't be run.
    """
    result = Attribution()
    if not fingerprints:
        return result
    blobs = frozenset(fingerprints)
    if graph is not None:
        with suppress(UnusualError):
            return _by_graph(graph, fingerprints, commits)
    links = narrowed.links if narrowed else None
    if narrowed is not None:
        commits = [commit for commit in commits if commit in narrowed.commits]
        named = named | narrowed.named
    steps, result.incomplete = changes(git_dir, blobs, commits, jobs)
    result.unnamed = blobs - {change.new for step in steps for change in step.changes} - named
    steps = _with_additions(steps, fingerprints)
    order = {name: place for place, name in enumerate(known[0])} if known else {}
    if known and all(step.commit.id in order for step in steps):
        steps.sort(key=lambda step: order[step.commit.id])
    else:
        steps = _parents_first(git_dir, steps, links, result.incomplete)
    result.commits = tuple(step.commit.id for step in steps)
    if known:
        result.reach = Reachability(*(each.intersection(result.commits) for each in (known[1].lost, known[1].notes)))
    else:
        result.reach = _reach(git_dir, result.commits, links, result.incomplete, has_notes=has_notes)
    head = _files_of_head(git_dir, result.incomplete)
    result.introductions = _introduced(steps, fingerprints, head, result.reach)
    if result.unnamed:
        result.introductions += _without_commit(_index(git_dir, result.incomplete), fingerprints, result.unnamed)
    return result


def _with_additions(steps: Iterable[Changes], fingerprints: Fingerprints) -> list[Changes]:
    """Return the steps that add a fingerprint to a path: of a file that is changed often, few do."""
    nothing: frozenset[str] = frozenset()

    def adds(change: Change) -> bool:
        before = nothing.union(*(fingerprints.get(old, nothing) for old in change.old))
        return not fingerprints.get(change.new, nothing) <= before

    return [step for step in steps if any(map(adds, step.changes))]


def _by_graph(graph: CommitGraph, fingerprints: Fingerprints, commits: Sequence[str]) -> Attribution:
    steps, incomplete = graph.changes(fingerprints.keys(), commits)
    unnamed = fingerprints.keys() - {change.new for step in steps for change in step.changes}
    steps = _with_additions(steps, fingerprints)
    steps = _in_order(steps, graph.parents_first(_keys(steps))) if len(steps) > 1 else steps
    ids = frozenset(step.commit.id for step in steps)
    lost = ids - graph.reached()
    notes = ids - graph.reached(notes=False) - lost if graph.has_notes else frozenset()
    reach = Reachability(lost, notes)
    introductions = _introduced(steps, fingerprints, graph.files() if steps else {}, reach)
    introductions += _without_commit(graph.staged(), fingerprints, unnamed)
    return Attribution(introductions, tuple(step.commit.id for step in steps), reach, frozenset(unnamed), incomplete)


def _keys(steps: Iterable[Changes]) -> dict[str, CommitKey]:
    return {step.commit.id: (step.commit.committed, step.commit.id) for step in steps}


def _in_order(steps: Iterable[Changes], commits: Sequence[str]) -> list[Changes]:
    by_commit = {step.commit.id: step for step in steps}
    return [by_commit[commit] for commit in commits]


def _parents_first(
    git_dir: Path, steps: list[Changes], links: ParentLinks | None, incomplete: list[str]
) -> list[Changes]:
    """Sort `steps` with parents first. Commit dates order only unrelated commits."""
    if len(steps) <= 1:
        return steps
    keys = _keys(steps)
    try:
        ordered = links.parents_first(keys) if links is not None else None
        return _in_order(steps, ask_parents_first(git_dir, keys) if ordered is None else ordered)
    except GitError as error:
        incomplete.append(f"order of commits known by date only: {error}")
        return sorted(steps, key=lambda step: keys[step.commit.id])


def introductions_in(
    git_dir: Path, steps: Iterable[Changes], fingerprints: Fingerprints, incomplete: list[str]
) -> list[Introduction]:
    """Return the introductions in `steps`, some commits of HEAD, without files that were only moved.

    The reasons why something about them is unknown are added to `incomplete`.
    """
    head = _files_of_head(git_dir, incomplete)
    return _introduced(steps, fingerprints, head, Reachability(), moves_count=False)


class _IntroductionTime(NamedTuple):
    fingerprint: str
    change: Change
    commit: Commit
    left: tuple[str, ...]


def _introduced(
    steps: Iterable[Changes],
    fingerprints: Fingerprints,
    head: Mapping[str, str],
    reach: Reachability,
    *,
    moves_count: bool = True,
) -> list[Introduction]:
    def of(blob: str) -> frozenset[str]:
        return fingerprints.get(blob, frozenset())

    waiting = [introduction_time for step in steps for introduction_time in _introduction_times(step, of)]
    if not moves_count:
        waiting = [introduction_time for introduction_time in waiting if not introduction_time.left]
    found: dict[tuple[str, str, str], Commit] = {}
    for introduction_time, origin in _with_origins(waiting):
        key = (introduction_time.fingerprint, introduction_time.change.path, introduction_time.change.new)
        known = found.get(key)
        if known is None or (known.id in reach.lost and origin.id not in reach.lost):
            found[key] = origin
    return [
        Introduction(
            fingerprint, blob, path, commit,
            reachable=commit.id not in reach.lost,
            in_head=fingerprint in of(head.get(path, "")) and commit.id not in reach.notes,
            is_note=commit.id in reach.notes,
        )
        for (fingerprint, path, blob), commit in found.items()
    ]  # fmt: skip


def _introduction_times(step: Changes, of: Callable[[str], frozenset[str]]) -> Iterator[_IntroductionTime]:
    before = {change: frozenset[str]().union(*map(of, change.old)) for change in step.changes}
    left: dict[str, list[str]] = {}
    for change in step.changes:
        for fingerprint in before[change] - of(change.new):
            left.setdefault(fingerprint, []).append(change.path)
    for change in step.changes:
        for fingerprint in sorted(of(change.new) - before[change]):
            yield _IntroductionTime(fingerprint, change, step.commit, tuple(left.get(fingerprint, ())))


def _with_origins(introduction_times: list[_IntroductionTime]) -> Iterator[tuple[_IntroductionTime, Commit]]:
    """Yield each introduction with the commit that first added its fingerprint, following moves.

    Introductions are sorted oldest first, but clocks can be wrong, so a move is deferred until its source is known.
    """
    origins: dict[tuple[str, str], Commit] = {}
    while introduction_times:
        waiting: list[_IntroductionTime] = []
        for introduction_time in introduction_times:
            starts = [
                origins[introduction_time.fingerprint, path]
                for path in introduction_time.left
                if (introduction_time.fingerprint, path) in origins
            ]
            if introduction_time.left and not starts:
                waiting.append(introduction_time)
                continue
            origin = starts[0] if starts else introduction_time.commit
            origins[introduction_time.fingerprint, introduction_time.change.path] = origin
            yield introduction_time, origin
        if len(waiting) == len(introduction_times):
            # The source of these moves is in no known commit (or they are cyclic), so they count as introductions.
            yield from ((introduction_time, introduction_time.commit) for introduction_time in waiting)
            return
        introduction_times = waiting


def _reach(
    git_dir: Path, commits: Sequence[str], links: ParentLinks | None, incomplete: list[str], *, has_notes: bool
) -> Reachability:
    def beyond(*tips: str) -> frozenset[str]:
        found = links.unreached(commits, *tips) if links is not None else None
        return unreached(git_dir, commits, *tips) if found is None else found

    try:
        lost = beyond("--all")
        if not has_notes:
            return Reachability(lost)
        return Reachability(lost, beyond("--exclude=refs/notes/*", "--all") - lost)
    except GitError as error:
        incomplete.append(f"reachability of commits unknown: {error}")
        return Reachability()


def _without_commit(
    staged: Mapping[str, list[str | None]], fingerprints: Fingerprints, blobs: AbstractSet[str]
) -> Iterator[Introduction]:
    """Yield introductions for blobs that are only in the index or have no name."""
    for blob in sorted(blobs):
        for fingerprint in sorted(fingerprints[blob]):
            for path in staged.get(blob, [None]):
                yield Introduction(fingerprint, blob, path, None, reachable=False, in_head=False)


def _files_of_head(git_dir: Path, incomplete: list[str]) -> dict[str, str]:
    """Return the blob of each path; an unborn HEAD has none."""
    try:
        listing = files_of_head(git_dir)
    except GitError as error:
        if _is_unborn(git_dir):
            return {}
        incomplete.append(f"files of HEAD unknown: {error}")
        return {}
    return {path: fields[-1] for fields, path in _entries(listing)}


def _is_unborn(git_dir: Path) -> bool:
    try:
        return not has_head(git_dir)
    except GitError:
        return False


def _index(git_dir: Path, incomplete: list[str]) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    if not os.path.lexists(git_dir / "index"):
        return found  # a bare repository, or no file was added yet
    try:
        listing = staged_files(git_dir, None)
    except GitError as error:
        incomplete.append(f"paths of staged files unknown: {error}")
        return found
    for (_, _, name, _), path in _entries(listing):
        found.setdefault(name, []).append(path)
    return found


def _entries(listing: bytes) -> Iterator[tuple[list[str], str]]:
    for entry in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        meta, _, path = entry.partition("\t")
        yield meta.split(" "), path
