"""A repository's whole history: every object in it, reachable or not."""

from __future__ import annotations

import copy
import mmap
import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.git.attribution import Attribution, attribute
from tokenaudit.git.catfile import read_elsewhere
from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import Repository, open_repository
from tokenaudit.git.log import changes
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.object_store import ScanPlan, plan
from tokenaudit.git.objects import GitObject, KnownObjects, ScanBatch, Unread, fingerprints_of, parse
from tokenaudit.git.parallel import search
from tokenaudit.git.reachability import MissingObjects, has_commits, outside_head, reached_tags, unreached
from tokenaudit.git.searched import SharedSearch, expect, sharing
from tokenaudit.interfaces import (
    Detection,
    Finding,
    LocatedDetection,
    MatchContext,
    Pointer,
    PrefilterResult,
    ScanContext,
    Scanner,
    ScanResult,
)
from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import list_files
from tokenaudit.sources.local.git_locations import examine_object, followed, hazards, in_blob, in_message
from tokenaudit.sources.local.known_commits import (
    CommitsToCompare,
    commit_count,
    every_commit,
    reach_of,
    tips_of,
    to_compare,
)
from tokenaudit.sources.local.pointers import PointerContents, without_content_in_history
from tokenaudit.sources.local.scan_state import (
    HistoryState,
    RefTips,
    SubmoduleTrees,
    load_state,
    save_state,
    signature,
)
from tokenaudit.sources.local.submodules import submodules_of_trees
from tokenaudit.windows import ReadWindow, examine_windows

if TYPE_CHECKING:
    from tokenaudit.git.attribution import Introduction
    from tokenaudit.git.objects import CommitLinks
    from tokenaudit.git.whole import CommitGraph

_MANY_COMMITS = 2000
"""Commits from which on finding those to compare takes less time than comparing all."""

_MOST_DETECTIONS = 50_000
"""Detections of the first pass held in memory until their commits are determined: about 50 MB."""


class HistorySource:
    """Every blob, commit message, tag message and note of one repository, each unique object read once.

    Branches, tags, stashes, notes, reflogs, pull requests, other worktrees, borrowed objects and unreachable objects
    are all in the object store, so they are all read.
    """

    kind = "git"

    def __init__(
        self,
        path: Path,
        target: str,
        state: Path | None = None,
        *,
        required: bool = False,
        report_pointers: bool = True,
        has_files: bool = True,
    ) -> None:
        """Configure the source; with `state`, a file, a second scan of the same repository reads only new objects.

        Without `report_pointers` the caller handles the content of `pointers`. Without `has_files` no working tree of
        the repository is read, which would report its submodules.
        """
        self.path = path
        self.target = target
        self.state = state
        self.required = required
        self.absent: str | None = None
        self._report_pointers = report_pointers
        self._has_files = has_files
        self.pointers: tuple[Pointer, ...] = ()
        """Set by `findings`: the pointers whose content is not available locally."""
        self._pointer_blobs: dict[str, Pointer] = {}

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        try:
            repository = open_repository(self.path)
        except GitError as error:
            yield Skipped(self.target, str(error))
            return
        with sharing(self.path) as shared:
            yield from self._findings(repository, run, shared)

    def _findings(self, repository: Repository, run: ScanContext, shared: SharedSearch | None) -> Iterator[Finding]:
        yield from self._missing_by_design(repository)
        yield from hazards(repository, self.target)
        followed(repository, run)
        try:
            signed = signature(run.scanner) if self.state else None
            earlier = load_state(self.state, signed) if self.state and signed else None
            shared = None if self.state else shared
            known = earlier.known if earlier else KnownObjects() if signed else None
            prepare = HistoryMatcher(run.scanner).prepare
            work = plan(repository, run.jobs, known=known, shared=shared, prepare=prepare)
            before = (run.objects, run.bytes)
            hits, unread = yield from self._hits(repository, work, run, shared, earlier)
            now = work.known() if work.known and self.state and signed else None
            if now and self.state and signed:
                if earlier is not None:
                    hits.add_earlier(earlier, work, now)
                    run.relied = (earlier.objects, earlier.bytes)
                read = (run.objects - before[0] + run.relied[0], run.bytes - before[1] + run.relied[1])
                attributed = yield from self._sightings(repository, work, hits, run, earlier)
                if not unread:
                    state = replace(
                        attributed, known=now, hits=hits.without_fingerprints(), objects=read[0], bytes=read[1],
                        fingerprints=hits.fingerprints, submodules=hits.submodules,
                    )  # fmt: skip
                    if state != earlier:
                        yield from _saved(self.state, signed, state)
            else:
                yield from self._sightings(repository, work, hits, run)
            is_empty = not now.has_commits if now else not any(work.commits())
            if is_empty and not (work.graph is None and has_commits(repository.git_dir)):
                self.absent = "no history (no commits)"
        except OSError as error:
            yield Skipped(self.target, f"can't be read: {error.strerror}")
        except GitError as error:
            yield Skipped(self.target, str(error))

    def introductions(self, pointers: Collection[Pointer]) -> dict[Pointer, tuple[str, str]]:
        """Return the path and the commit in which `pointers`, some of those set by `findings`, were added.

        Raises:
            GitError: git can't be run.
        """
        blobs = {blob: pointer for blob, pointer in self._pointer_blobs.items() if pointer in pointers}
        if not blobs:
            return {}
        git_dir = open_repository(self.path).git_dir
        commits = git("rev-list", "--all", git_dir=git_dir).decode("ascii").split()
        steps, _ = changes(git_dir, frozenset(blobs), commits, 1)
        return {
            blobs[change.new]: (change.path, step.commit.id)
            for step in steps
            for change in step.changes
            if change.new in blobs
        }

    def _missing_by_design(self, repository: Repository) -> Iterator[Skipped]:
        if repository.shallow:
            reason = "shallow clone without older history; run git fetch --unshallow"
            yield Skipped(self.target, reason)
        if repository.partial:
            reason = "partial clone without some content; clone again without --filter"
            yield Skipped(self.target, reason)

    def _hits(
        self,
        repository: Repository,
        work: ScanPlan,
        run: ScanContext,
        shared: SharedSearch | None,
        earlier: HistoryState | None,
    ) -> Generator[Finding, None, tuple[_Hits, int]]:
        """Read all objects. The generator's return value is the hits and the number of unread objects."""
        if work.note:
            run.progress.note(f"{self.target}: {work.note}")
        run.progress.start(f"history of {self.target}", work.objects + (shared.count if shared else 0))
        watcher = HistoryMatcher(run.scanner)
        hits = _Hits()
        for batch in shared.results if shared else ():
            run.read(batch.objects, batch.bytes)
            hits.add(batch)
        unread = list(work.unread)
        submodules = self._submodules(repository, work, hits, earlier)
        with self._missing(repository, work) as missing:
            for batch in search(work.partitions, watcher, run.jobs):
                yield from submodules  # with the first batch, while other processes search
                run.read(batch.objects, batch.bytes)
                hits.add(batch)
                unread += batch.unread
                if shared:
                    shared.add(batch)
            yield from submodules
            first, unread = unread, []
            for batch in read_elsewhere(repository.git_dir, first, watcher):
                run.read(batch.objects, batch.bytes)
                hits.add(batch)
                unread += batch.unread
            unread += missing.found() if missing else ()
        hits.is_complete = not (unread or repository.shallow or repository.partial)
        if shared and not unread:
            shared.record(item.id for item in first)
        yield from self._unread(unread, run)
        return hits, len(unread)

    def _submodules(
        self, repository: Repository, work: ScanPlan, hits: _Hits, earlier: HistoryState | None
    ) -> Iterator[Skipped]:
        """Yield the submodules, unless a source that reads the working tree reports them."""
        may_have_submodules = work.graph is None or work.graph.has_submodules
        known = earlier.submodules if earlier and work.is_kept else None
        if may_have_submodules and (repository.work_tree is None or not self._has_files):
            hits.submodules = yield from submodules_of_trees(repository, self.target, work, known)

    def _missing(self, repository: Repository, work: ScanPlan) -> AbstractContextManager[MissingObjects | None]:
        # Objects that a partial clone omits have already been reported.
        if repository.partial or work.links == "none":
            return nullcontext()
        return MissingObjects(repository.git_dir, unpacked=work.links == "unpacked")

    def _unread(self, unread: Iterable[Unread], run: ScanContext) -> Iterator[Skipped]:
        for item in unread:
            run.retry |= not item.is_large
            yield Skipped(f"{self.target}: {item.id}", item.reason)

    def _sightings(
        self, repository: Repository, work: ScanPlan, hits: _Hits, run: ScanContext, earlier: HistoryState | None = None
    ) -> Generator[Finding, None, HistoryState]:
        """Yield the findings in all hits. The return value is the next state, with the attribution only."""
        scanner = run.scanner
        detections: dict[str, tuple[Detection, ...]] = {}
        unread: dict[str, Unread] = {}
        commits: list[GitObject] = []
        tags: list[GitObject] = []
        contents = PointerContents(self.path)
        missing: list[Pointer] = []
        with ObjectReader(repository.git_dir) as reader:
            for kind, name in hits.to_examine():
                if kind == "blob":
                    examined = hits.results.pop(name, None) or examine_object(reader, name, run, is_counted=False)
                    if isinstance(examined, Unread):
                        unread[name] = examined
                        continue
                    behind = contents.scan(examined.pointers, scanner)
                    missing += behind.missing
                    self._pointer_blobs.update(zip([name], behind.missing, strict=False))
                    for reason in (*examined.skipped, *behind.skipped):
                        yield Skipped(f"{self.target}: object {name}", reason)
                    detections[name] = (*examined.detections, *behind.detections)
                    continue
                found = reader.read(name)
                if isinstance(found, Unread):
                    unread[name] = found
                else:
                    (commits if kind == "commit" else tags).append(found)
            for found in _read_again(work, unread):
                if found.type == "blob":
                    detections[found.id] = scanner.scan(found.data).detections
                else:
                    (commits if found.type == "commit" else tags).append(found)
            yield from self._unread(unread.values(), run)
            in_blobs = {name: seen for name, seen in detections.items() if seen}
            attributed = yield from self._in_blobs(repository, in_blobs, hits, work, reader, run, earlier)
            yield from self._in_commits(repository, commits, scanner, work.graph)
            yield from self._in_tags(repository, tags, scanner, reader, work.graph)
        self.pointers = tuple(dict.fromkeys(missing))
        if self._report_pointers:
            yield from without_content_in_history(self.target, missing)
        return attributed

    def _in_blobs(
        self,
        repository: Repository,
        detections: dict[str, tuple[Detection, ...]],
        hits: _Hits,
        work: ScanPlan,
        reader: ObjectReader,
        run: ScanContext,
        earlier: HistoryState | None,
    ) -> Generator[Finding, None, HistoryState]:
        fingerprints = hits.fingerprints | {
            blob: frozenset(seen.change_key for seen in found) for blob, found in detections.items()
        }
        attributed = frozenset(fingerprints)
        tips = tips_of(repository) if work.known and self.state else None
        if not fingerprints:
            return HistoryState(commits=(), tips=tips, compared=commit_count(work, earlier) if self.state else 0)
        chosen = to_compare(work, attributed, earlier)
        attribution = _attributed(repository, fingerprints, chosen, hits, work, reader, run, earlier, tips)
        if earlier and chosen.new is not None and not attribution.unnamed <= earlier.unnamed:
            # What was missing before can be in any commit.
            chosen = every_commit(work)
            attribution = _attributed(repository, fingerprints, chosen, hits, work, reader, run, earlier, tips)
        yield from (Skipped(self.target, reason) for reason in attribution.incomplete)
        unread: dict[str, Unread] = {}
        for blob in sorted({introduction.blob for introduction in attribution.introductions} - detections.keys()):
            examined = examine_object(reader, blob, run, is_counted=False)
            if isinstance(examined, Unread):
                unread[blob] = examined
            else:
                detections[blob] = examined.detections
        for found in _read_again(work, unread):
            detections[found.id] = run.scanner.scan(found.data).detections
        yield from self._unread(unread.values(), run)
        for introduction in sorted(attribution.introductions, key=_order):
            for seen in detections.get(introduction.blob, ()):
                if seen.change_key == introduction.fingerprint:
                    yield in_blob(self.target, introduction, seen)
        if attribution.incomplete:
            return HistoryState()
        reach = attribution.reach
        return HistoryState(
            attributed=attributed, commits=attribution.commits, tips=tips, lost=reach.lost, notes=reach.notes,
            unnamed=attribution.unnamed, compared=chosen.count,
        )  # fmt: skip

    def _in_commits(
        self, repository: Repository, commits: list[GitObject], scanner: Scanner, graph: CommitGraph | None
    ) -> Iterator[Finding]:
        if not commits:
            return
        ids = [commit.id for commit in commits]
        try:
            if graph is not None:
                lost, outside = frozenset(ids) - graph.reached(), frozenset(ids) - graph.in_head()
            else:
                lost = unreached(repository.git_dir, ids, "--all")
                outside = outside_head(repository.git_dir, ids)
        except GitError as error:
            yield Skipped(self.target, f"reachability of commits unknown: {error}")
            lost, outside = frozenset(), frozenset()
        for commit in commits:
            for sighting in in_message("commit-message", self.target, commit, scanner):
                if isinstance(sighting, Skipped):
                    yield sighting
                    continue
                location = replace(
                    sighting.location,
                    commit=commit.id,
                    reachable=commit.id not in lost,
                    in_head=commit.id not in outside,
                )
                yield LocatedDetection(sighting.detection, location)

    def _in_tags(
        self,
        repository: Repository,
        tags: list[GitObject],
        scanner: Scanner,
        reader: ObjectReader,
        graph: CommitGraph | None,
    ) -> Iterator[Finding]:
        try:
            if graph is not None:
                reached = graph.reached_tags
            else:
                reached = reached_tags(repository.git_dir, reader) if tags else frozenset()
        except GitError as error:
            yield Skipped(self.target, f"reachability of tags unknown: {error}")
            reached = frozenset(tag.id for tag in tags)
        for tag in tags:
            target = parse(tag.data).target
            for sighting in in_message("tag-message", self.target, tag, scanner):
                if isinstance(sighting, Skipped):
                    yield sighting
                    continue
                location = replace(
                    sighting.location,
                    commit=target[0] if target and target[1] == "commit" else None,
                    reachable=tag.id in reached,
                )
                yield LocatedDetection(sighting.detection, location)


def _read_again(work: ScanPlan, unread: dict[str, Unread]) -> Iterator[GitObject]:
    """Yield those of `unread` that git can't read but our own reader can, and remove them from `unread`."""
    wanted = [name for name, item in unread.items() if not item.is_large]
    if not wanted:
        return
    for partition in work.partitions:
        for found in partition.read():
            if isinstance(found, GitObject) and unread.pop(found.id, None) is not None:
                yield found
                if not unread:
                    return


def _saved(file: Path, signed: str, state: HistoryState) -> Iterator[Skipped]:
    try:
        save_state(file, signed, state)
    except OSError as error:
        yield Skipped(str(file), f"scan state can't be saved: {error.strerror}")


def _attributed(
    repository: Repository,
    fingerprints: Mapping[str, frozenset[str]],
    chosen: CommitsToCompare,
    hits: _Hits,
    work: ScanPlan,
    reader: ObjectReader,
    run: ScanContext,
    earlier: HistoryState | None,
    tips: RefTips | None,
) -> Attribution:
    known, named = None, frozenset[str]()
    if earlier is not None and chosen.new is not None:
        named = earlier.attributed - earlier.unnamed
        reach = reach_of(repository, work, chosen, earlier, tips, reader)
        known = (earlier.commits or (), reach) if reach is not None else None
    is_long = hits.is_complete and len(chosen.commits) >= max(_MANY_COMMITS, chosen.count // 10)
    narrowed = work.to_compare(repository.git_dir, fingerprints, hits.links, run.jobs) if is_long else None
    has_notes = any(name.startswith("refs/notes/") for name in repository.refs)
    return attribute(
        repository.git_dir, fingerprints, chosen.commits, run.jobs, known, work.graph, named, narrowed,
        has_notes=has_notes,
    )  # fmt: skip


class _Hits:
    """The objects with detections, as (type, id), and what is known of the blobs among them.

    `results` contains the results for some of those scanned in this process, `fingerprints` the fingerprints in blobs
    without anything else to report. `is_complete` is whether all objects of the repository are there, and `submodules`
    where its submodules are. `links` are those of the commits that were read after the first hit.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self.submodules: SubmoduleTrees | None = None
        self.links: list[CommitLinks] = []
        self.results: dict[str, ScanResult] = {}
        self.fingerprints: dict[str, frozenset[str]] = {}
        self._known: list[tuple[str, str]] = []
        self._shared: dict[frozenset[str], frozenset[str]] = {}
        self._room = _MOST_DETECTIONS

    def add(self, batch: ScanBatch) -> None:
        """Add the hits of a batch. Of blobs above the limit only the fingerprints are held."""
        self._known += [(kind, name) for name, kind in batch.hits]
        self.links += batch.links
        self._add_fingerprints(batch.fingerprints)
        for name, examined in batch.examined.items():
            self._add_fingerprints({name: fingerprints_of(examined)})
            self._room -= 1 + len(examined.detections)
            if self._room >= 0:
                self.results[name] = examined

    def add_earlier(self, earlier: HistoryState, work: ScanPlan, now: KnownObjects) -> None:
        """Add the hits of an earlier scan whose objects are still there `now`."""
        hits, fingerprints = earlier.hits, earlier.fingerprints
        if not work.is_kept:
            gone = frozenset(work.missing([*(name for _, name in hits), *fingerprints], now.ids))
            hits = tuple(hit for hit in hits if hit[1] not in gone)
            fingerprints = {name: each for name, each in fingerprints.items() if name not in gone}
        self._known += hits
        self.fingerprints |= fingerprints

    def without_fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Return the objects that must be looked at again, sorted."""
        return tuple(sorted(hit for hit in self._known if hit[1] not in self.fingerprints))

    def to_examine(self) -> list[tuple[str, str]]:
        """Return these and the objects with results, sorted. The others are read again only if a finding is in them."""
        return sorted(
            [*self.without_fingerprints(), *(("blob", name) for name in self.results.keys() & self.fingerprints.keys())]
        )

    def _add_fingerprints(self, found: Mapping[str, frozenset[str]]) -> None:
        self.fingerprints |= {name: self._shared.setdefault(each, each) for name, each in found.items() if each}


class HistoryMatcher:
    """Applies the scanner to objects. See `git.objects.ObjectMatcher`."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._noted = mmap.mmap(-1, 1)  # shared with processes that are forked later
        self.look = self._whole
        self.reach: int | None = None
        # If a scanner reports the maximum length of its evidence, deltas can be searched for inserted bytes only.
        self._prefilter = getattr(scanner, "prefilter", None)
        if self._prefilter is not None and not self._prefilter.everything:
            self.look = self._prefilter.look
            self.reach = self._prefilter.reach
        self._contexts: Callable[[bytes], tuple[MatchContext, ...] | None] = getattr(scanner, "contexts", _unknown)
        self._kept: Callable[[Sequence[MatchContext], bytes], tuple[MatchContext, ...] | None] = getattr(
            scanner, "kept", _unknown
        )

    def _whole(self, data: bytes) -> PrefilterResult:
        return PrefilterResult.EVIDENCE if self._scanner.may_contain(data) else PrefilterResult.TRACES

    def copy(self) -> HistoryMatcher:
        """See `git.objects.ObjectMatcher`."""
        other = HistoryMatcher(copy.deepcopy(self._scanner))
        other._noted = self._noted
        return other

    @property
    def has_hits(self) -> bool:
        """See `git.objects.ObjectMatcher`."""
        return self._noted[0] != 0

    def note(self, batch: ScanBatch) -> None:
        """See `git.objects.ObjectMatcher`."""
        if batch.fingerprints or any(examined.detections for examined in batch.examined.values()):
            self._noted[0] = 1

    def with_evidence(self, data: bytes, starts: Sequence[int]) -> tuple[list[int], list[int]]:
        """See `git.objects.ObjectMatcher`."""
        if self._prefilter is None or self._prefilter.everything:
            return list(range(len(starts))), []
        found: tuple[list[int], list[int]] = self._prefilter.with_evidence(data, starts)
        return found

    def contexts(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """See `git.objects.ObjectMatcher`."""
        return self._contexts(data)

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """See `git.objects.ObjectMatcher`."""
        return self._kept(contexts, data)

    def prepare(self) -> None:
        """See `git.objects.Watcher`."""
        if self._prefilter is not None:
            self._prefilter.prepare()

    def examine(self, data: bytes) -> ScanResult:
        """See `git.objects.ObjectMatcher`. Equivalent to `examine_object`, which reads such objects in one window."""
        return examine_windows([ReadWindow(data)], self._scanner, has_evidence=True)


def _unknown(*_: object) -> None:
    """Nothing is known about objects but what the scanner finds."""


def _order(item: Introduction) -> tuple[object, ...]:
    commit = item.commit
    when = commit.date.timestamp() if commit and commit.date else 0.0
    return (item.fingerprint, when, item.path or "", commit.id if commit else "", item.blob)


def history_within(git_dir: Path, root: Path, target: str, run: ScanContext) -> Iterator[Finding]:
    """Yield the findings in the history of the repository in `git_dir`, named by its path below `root`.

    The files in `git_dir` are left to the caller.
    """
    return _history_within(git_dir, root, target).findings(run)


def _history_within(git_dir: Path, root: Path, target: str) -> HistorySource:
    folder = git_dir.parent if git_dir.name == ".git" else git_dir
    return HistorySource(folder, f"{target.rstrip('/')}/{folder.relative_to(root).as_posix()}")


class NestedHistoriesSource:
    """The histories of all repositories in a folder that is not itself a repository."""

    kind = "git"

    def __init__(self, path: Path, target: str, absent: str, *, required: bool = False) -> None:
        """Configure the source; `absent` is the message if there is no repository."""
        self.path = path
        self.target = target
        self.required = required
        self.absent: str | None = absent

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        listing = list_files(os.fspath(self.path))
        expect(map(Path, listing.repositories))
        for folder in listing.repositories:
            inside = Path(folder.removesuffix(f"{os.sep}.git")).relative_to(self.path).as_posix()
            if run.exclusions.leaves_out(self.target, inside):
                self.absent = None
                continue
            history = _history_within(Path(folder), self.path, self.target)
            yield from history.findings(run)
            if history.absent is None:
                self.absent = None
        for each in listing.unreadable:
            yield Skipped(f"{self.target}: {os.path.relpath(each.path, self.path)}", each.reason)
