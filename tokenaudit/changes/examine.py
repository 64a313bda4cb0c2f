"""Examines one repository: its history, the files before, after and in between, and what each change does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tokenaudit.changes.files import BothEnds, RepositoryFiles
from tokenaudit.changes.history import BranchHistory, ServerTimes, branch_history
from tokenaudit.changes.model import ExaminedRepository, RepositoryCommit
from tokenaudit.changes.questions import RepositoryQuestions
from tokenaudit.changes.versions import (
    MOST_SINGLE_COMMITS,
    Files,
    SingleChange,
    changes_between,
    commits_by_path,
    passing_versions,
    paths_of_diff,
)
from tokenaudit.content.change import FileChange
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_content import compare, large_uploads, overview, paths_info
from tokenaudit.hub.repo_listing import refs
from tokenaudit.hub.result import Failure
from tokenaudit.text import count

_DEFAULT_BRANCH = "refs/heads/main"
MOST_REFS = 50
"""Maximum number of branches and pull requests that are examined besides the default branch."""

_MOST_LISTED = 50_000
"""Up to this number of files in the trees of all commits of a window, trees are listed; above it, diffs are read."""

_MOST_REOPENED = 5


@dataclass
class RepositoryComparison(RepositoryQuestions):
    """Examines one repository; what could not be read or examined is in `skipped` afterwards."""

    def examine(self) -> ExaminedRepository | None:
        """What changed; None if the Hub does not describe the repository, which is then in `skipped`."""
        repository = self.repository
        if repository.type == "bucket":
            self.skip(self.where, "a bucket has no history to compare with")
            return None
        hub, secret = self.context.hub, self.context.secret
        about = self.asked(self.where, overview(hub, repository, secret))
        if about is None:
            return None
        named = self.asked(f"{self.where}: branches", refs(hub, repository, secret))
        if named is None:
            return None
        head = named.get(_DEFAULT_BRANCH) or about.head
        empty = ExaminedRepository(
            repository.id, repository.type, head or None, None, about.downloads_month or 0, about.private is True
        )
        if about.downloads_month is None and repository.type != "space":
            self.not_known.append("downloads")
        history = self._history(head) if head else BranchHistory()
        if history is None:
            return empty
        after = self.tree(head) if head else {}
        if after is None:
            return replace(empty, commits=history.new)
        times = self._server_times(after)
        history, before = self._last_good(history, after, times)
        is_new = (
            about.created_at is not None
            and self.context.window.since is not None
            and (about.created_at >= self.context.window.since)
        )
        if history.is_rewritten and not is_new and head:
            self._rewritten()
        changed = self._changed(history, before, after, head or "")
        others, more_commits = self._other_refs(named, history, before, after)
        changed = self._known_commits([*changed, *others])
        commits = tuple(self._pushed(commit, changed, times) for commit in (*history.new, *more_commits))
        ends = BothEnds(head or "", after, history.good, before)
        files = RepositoryFiles(self, ends, changed, times, commits).judged()
        return replace(
            empty,
            good_revision=history.good,
            commits=commits,
            files=tuple(files),
            not_known=tuple(self.not_known),
        )

    def _history(self, head: str) -> BranchHistory | None:
        context = self.context
        answer = branch_history(context.hub, self.repository, head, context.secret, context.window)
        history = self.asked(f"{self.where}: commits", answer)
        if history is not None and not history.complete:
            self.skip(f"{self.where}: commits", history.reason)
        return history

    def _server_times(self, after: Files) -> ServerTimes:
        """Uploads by the server's clock, requested if there are large files.

        Without them a file that was uploaded later than its commit says can be missing from the changes.
        """
        if not any(file.is_large for file in after.values()):
            return ServerTimes()
        answer = large_uploads(self.context.hub, self.repository, self.context.secret)
        if isinstance(answer, Failure):
            self.skip(f"{self.where}: uploads", needs(answer, f"repo.write on {self.where}"))
            return ServerTimes()
        if answer.incomplete:
            self.skip(f"{self.where}: uploads", answer.incomplete)
        return ServerTimes.of(answer.items)

    def _last_good(self, history: BranchHistory, after: Files, times: ServerTimes) -> tuple[BranchHistory, Files]:
        """The history with back-dated commits inside the window, and the files of the last good revision."""
        for _ in range(_MOST_REOPENED):
            good = history.good
            if good is None:
                return history, {}
            gone = "no longer exists: the history was squashed or rewritten, so there is nothing to compare with"
            before = after if not history.new else self.tree(good, gone=gone)
            if before is None:
                return replace(history, older=(), is_rewritten=False), {}
            late = times.in_window(before, self.context.window)
            if not late:
                return history, before
            info = paths_info(self.context.hub, self.repository, good, late, self.context.secret)
            if isinstance(info, Failure):
                self.skip(f"{self.where}: last good revision", needs(info, f"repo.content.read on {self.where}"))
                return replace(history, older=()), {}
            bringers = {file.commit for file in info}
            known = [commit.id for commit in history.older if commit.id in bringers]
            if not known:
                self.skip(f"{self.where}: last good revision", "commits were back-dated; pass a commit to --since")
                return replace(history, older=()), {}
            history = history.reopened(known[-1])
        self.skip(f"{self.where}: last good revision", "too many back-dated commits; pass a commit to --since")
        return replace(history, older=()), {}

    def _rewritten(self) -> None:
        window = self.context.window
        reason = (
            f"{window.commit} is not in the history of the default branch"
            if window.commit is not None
            else "the history has no commit before the window, although the repository is older"
        )
        self.skip(
            f"{self.where}: last good revision",
            f"{reason}: it was squashed or rewritten, so all files count as added",
        )

    def _changed(self, history: BranchHistory, before: Files, after: Files, head: str) -> list[SingleChange]:
        good = history.good
        found = [
            SingleChange(change, after.get(change.path))
            for change in changes_between(before, after, good, head, self.version)
        ]
        trees = self._trees(history, before, after, head)
        by_path = commits_by_path(trees)
        found = [replace(each, commits=tuple(by_path.get(each.change.path, ()))) for each in found]
        for passing in passing_versions(trees):
            old = before.get(passing.file.path)
            change = FileChange(
                "added" if old is None else "modified",
                None if old is None or good is None else self.version(good, old),
                self.version(passing.commit, passing.file),
            )
            commits = tuple(each for each in by_path.get(passing.file.path, ()) if each != passing.removed_in)
            found.append(SingleChange(change, passing.file, commits, None, passing.removed_in))
        return found

    def _trees(self, history: BranchHistory, before: Files, after: Files, head: str) -> list[tuple[str, Files]]:
        """Head, the commits of the window, and the last good revision with their files, newest first."""
        inner = [commit.id for commit in history.new if commit.id != head]
        whole = [(head, after), (history.good or "", before)]
        if not inner:
            return whole
        if len(history.new) > MOST_SINGLE_COMMITS:
            self.skip(
                f"{self.where}: single commits",
                f"{len(history.new):,} commits, more than the {MOST_SINGLE_COMMITS} that are examined one by one; "
                "files that were added and removed in between are unknown",
            )
            return whole
        if len(inner) * len(after) <= _MOST_LISTED:
            listings = [(commit, self.tree(commit)) for commit in inner]
            return [whole[0], *((commit, files) for commit, files in listings if files is not None), whole[1]]
        return [whole[0], *reversed(list(self._overlaid(list(reversed(inner)), before))), whole[1]]

    def _overlaid(self, commits: Sequence[str], base: Files) -> Iterator[tuple[str, Files]]:
        """The files at each of `commits`, oldest first: those of the previous commit, updated by its diff."""
        context = self.context
        files = dict(base)
        for commit in commits:
            where = f"{self.where}: changes of {commit[:12]}"
            diff = self.asked(where, compare(context.hub, self.repository, f"{commit}^", commit, context.secret))
            if diff is None:
                continue
            touched = sorted(paths_of_diff(diff))
            info = self.asked(where, paths_info(context.hub, self.repository, commit, touched, context.secret))
            if info is None:
                continue
            files = {path: file for path, file in files.items() if path not in touched}
            files.update({file.path: file for file in info})
            yield commit, files

    def _other_refs(
        self, named: dict[str, str], history: BranchHistory, before: Files, after: Files
    ) -> tuple[list[SingleChange], list[RepositoryCommit]]:
        """Changes on branches and pull requests, which are loaded by whoever names the ref."""
        known = {commit.id for commit in (*history.new, *history.older)}
        wanted = {
            ref: commit
            for ref, commit in sorted(named.items())
            if ref.startswith(("refs/heads/", "refs/pr/")) and ref != _DEFAULT_BRANCH and commit not in known
        }
        if len(wanted) > MOST_REFS:
            rest = count(len(wanted) - MOST_REFS, "more branch or pull request")
            self.skip(f"{self.where}: {rest}", f"only {MOST_REFS} were examined")
        found: list[SingleChange] = []
        commits: list[RepositoryCommit] = []
        seen = {(file.path, file.blob_id) for files in (before, after) for file in files.values()}
        context = self.context
        for ref, commit in list(wanted.items())[:MOST_REFS]:
            answer = branch_history(context.hub, self.repository, commit, context.secret, context.window, ref)
            mine = self.asked(f"{self.where}: commits of {ref}", answer)
            if mine is None or (context.window.commit is not None and mine.is_rewritten):
                continue
            new = [each for each in mine.new if each.id not in known]
            if not new:
                continue
            files = self.tree(commit)
            base = before if mine.good is None or mine.good == history.good else self.tree(mine.good)
            if files is None or base is None:
                continue
            known |= {each.id for each in new}
            commits += new
            good = mine.good if mine.good is not None else history.good
            for change in changes_between(base, files, good, commit, self.version):
                file = files.get(change.path)
                if file is not None and (file.path, file.blob_id) not in seen:
                    seen.add((file.path, file.blob_id))
                    found.append(SingleChange(change, file, tuple(each.id for each in new), ref))
        return found, commits

    def _known_commits(self, changed: list[SingleChange]) -> list[SingleChange]:
        order = {"added": 0, "modified": 0, "renamed": 0, "deleted": 1}
        return sorted(changed, key=lambda each: (order[each.change.change], each.change.path, each.ref or ""))

    def _pushed(
        self, commit: RepositoryCommit, changed: Iterable[SingleChange], times: ServerTimes
    ) -> RepositoryCommit:
        """The commit with the server's time of its uploads."""
        for each in changed:
            upload = times.uploads.get(each.after_file.content_id) if each.after_file is not None else None
            if upload is not None and each.commits[-1:] == (commit.id,) and upload.pushed_at is not None:
                return replace(commit, pushed_at=upload.pushed_at, pushed_by=upload.pushed_by)
        return commit
