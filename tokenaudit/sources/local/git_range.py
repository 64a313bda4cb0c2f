"""Content introduced by a range of commits: the audit of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tokenaudit.errors import UsageError
from tokenaudit.git.attribution import introductions_in
from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import open_repository
from tokenaudit.git.log import Changes, changes
from tokenaudit.git.object_reader import ObjectReader
from tokenaudit.git.objects import Unread
from tokenaudit.git.reachability import commits_between, has_head, is_null_id, shallow_commits
from tokenaudit.interfaces import Detection, Finding, LocatedDetection, Pointer, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_locations import examine_object, followed, hazards, in_blob, in_message
from tokenaudit.sources.local.pointers import PointerContents, without_content_in_history


class SinceSource:
    """Content introduced by the commits in `rev..until`: those reachable from `until` but not from `rev`.

    A `rev` of zeros, which git's hooks use for a missing previous commit, means all commits.

    A credential that was added and removed within the range is reported, since it remains in the history; one that
    already existed, or only moved, is not.
    """

    kind = "git"

    def __init__(self, path: Path, target: str, rev: str, until: str = "HEAD") -> None:
        self.path = path
        self.target = target
        self.rev = rev
        self.until = until
        self._contents = PointerContents(path)
        self._missing: list[Pointer] = []

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`.

        Raises:
            UsageError: the commit `rev` or `until` doesn't exist.
        """
        try:
            repository = open_repository(self.path)
            git_dir = repository.git_dir
            yield from hazards(repository, self.target)
            followed(repository, run)
            if self.until == "HEAD" and not has_head(git_dir):
                return  # no commits, no range
            shallow = repository.shallow
            tip = self._commit(git_dir, self.until, shallow=shallow)
            base = None if is_null_id(self.rev) else self._commit(git_dir, self.rev, shallow=shallow)
            commits = commits_between(git_dir, base, tip)
            if repository.shallow and not shallow_commits(repository.common_dir).isdisjoint(commits):
                yield Skipped(self.target, "the range exceeds the history of the shallow clone; fetch more history")
            yield from self._introduced(git_dir, commits, run)
        except GitError as error:
            yield Skipped(self.target, str(error))

    def _commit(self, git_dir: Path, rev: str, *, shallow: bool) -> str:
        name = f"{rev}^{{commit}}"
        found = git("rev-parse", "--verify", "--quiet", "--end-of-options", name, git_dir=git_dir, allowed=(0, 1, 128))
        lines = found.decode().split()
        if not lines:
            remedy = "fetch more of its history" if shallow else "check its name, or fetch it"
            message = f"{self.target} has no commit {rev}: {remedy}"
            raise UsageError(message)
        return lines[-1]

    def _introduced(self, git_dir: Path, commits: list[str], run: ScanContext) -> Iterator[Finding]:
        steps, failures = changes(git_dir, None, commits, run.jobs)
        yield from (Skipped(self.target, failure) for failure in failures)
        with ObjectReader(git_dir) as reader:
            yield from self._in_commits(commits, reader, run)
            detections: dict[str, tuple[Detection, ...]] = {}
            left_out = run.exclusions.leaves_out
            new = {change.new for step in steps for change in step.changes if not left_out(self.target, change.path)}
            run.progress.start(f"changes of {self.target} since {self.rev}", len(new))
            for blob in sorted(new):
                yield from self._examine(blob, detections, reader, run)
            yield from without_content_in_history(self.target, self._missing)
            for blob in sorted(_parents_of(steps, detections) - new):
                yield from self._examine(blob, detections, reader, run)
        marks = {blob: frozenset(seen.change_key for seen in found) for blob, found in detections.items()}
        incomplete: list[str] = []
        for introduction in introductions_in(git_dir, steps, marks, incomplete):
            for seen in detections[introduction.blob]:
                if seen.change_key == introduction.fingerprint:
                    yield in_blob(self.target, introduction, seen)
        yield from (Skipped(self.target, reason) for reason in incomplete)

    def _examine(
        self, blob: str, detections: dict[str, tuple[Detection, ...]], reader: ObjectReader, run: ScanContext
    ) -> Iterator[Skipped]:
        if not blob.strip("0"):
            return
        examined = examine_object(reader, blob, run)
        if isinstance(examined, Unread):
            yield Skipped(f"{self.target}: {blob}", examined.reason)
            return
        behind = self._contents.scan(examined.pointers, run.scanner)
        self._missing += behind.missing
        for reason in (*examined.skipped, *behind.skipped):
            yield Skipped(f"{self.target}: object {blob}", reason)
        if examined.detections or behind.detections:
            detections[blob] = (*examined.detections, *behind.detections)

    def _in_commits(self, commits: list[str], reader: ObjectReader, run: ScanContext) -> Iterator[Finding]:
        for commit in commits:
            found = reader.read(commit)
            if isinstance(found, Unread):
                yield Skipped(f"{self.target}: {commit}", found.reason)
                continue
            run.read(1, len(found.data))
            if not run.scanner.may_contain(found.data):
                continue
            for seen in in_message("commit-message", self.target, found, run.scanner):
                if isinstance(seen, LocatedDetection):
                    location = replace(seen.location, commit=commit, reachable=True, in_head=True)
                    yield LocatedDetection(seen.detection, location)
                else:
                    yield seen


def _parents_of(steps: list[Changes], detections: dict[str, tuple[Detection, ...]]) -> set[str]:
    """Return the blobs that commits with detections replaced: existing or moved content is not introduced."""
    return {
        old
        for step in steps
        if any(change.new in detections for change in step.changes)
        for change in step.changes
        for old in change.old
    }
