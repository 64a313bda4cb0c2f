"""What lies in a repository's `.git` without being an object: configuration, hooks, logs of refs, unsent messages."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.git.command import GitError, git
from tokenaudit.git.layout import open_repository
from tokenaudit.interfaces import Detection, Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local.nested_repositories import history_within

LARGEST_FILE = 512 << 20
"""Bytes. Larger files (fetched LFS content can be) are reported as skipped."""

_CONFIG_NAMES = frozenset({"config", "config.worktree"})


class GitDirSource:
    """The files of one repository's `.git`, those of its worktrees and submodules, and the names of its refs.

    Object folders are left to `HistorySource`. Symbolic links are not followed.
    """

    kind = "git"

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `sources.interface.Source`."""
        try:
            folder = open_repository(self.path).common_dir
        except GitError as error:
            # History has nothing to read then, but a token in the configuration of a broken repository still counts.
            folder = self.path / ".git"
            if not folder.is_dir():
                yield Skipped(self.target, str(error))
                return
        shown = "" if folder == self.path.resolve() else ".git/"
        yield from self._ref_names(folder, run)
        yield from self._files(folder, shown, run)

    def _ref_names(self, folder: Path, run: ScanContext) -> Iterator[Finding]:
        try:
            listing = git("for-each-ref", "--format=%(refname)", git_dir=folder)
        except GitError as error:
            yield Skipped(f"{self.target}: ref names", str(error))
            return
        if not run.scanner.may_contain(listing):
            return
        for name in listing.splitlines():
            for seen in run.scanner.scan(name).detections:
                yield LocatedDetection(seen, self._location("ref-name", name.decode("utf-8", "surrogateescape"), seen))

    def _files(self, folder: Path, shown: str, run: ScanContext) -> Iterator[Finding]:
        failures: list[OSError] = []
        for parent, folders, files in os.walk(folder, onerror=failures.append):
            inside = Path(parent)
            # Refs hold ids, and objects are history: a repository (a submodule is one, too) keeps both beside its HEAD.
            if "HEAD" in files and "objects" in folders:
                folders[:] = [name for name in folders if name not in {"objects", "refs"}]
                if inside != folder:
                    yield from history_within(inside, folder, f"{self.target}/{shown}".rstrip("/"), run)
            folders.sort()
            for name in sorted(files):
                path = inside / name
                relative = path.relative_to(folder).as_posix()
                if relative != "packed-refs":
                    yield from self._file(path, shown + relative, run)
        for failure in failures:
            yield Skipped(f"{self.target}: {failure.filename}", failure.strerror or "can't be read")

    def _file(self, path: Path, shown: str, run: ScanContext) -> Iterator[Finding]:
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return
            if status.st_size > LARGEST_FILE:
                yield Skipped(f"{self.target}: {shown}", f"larger than {LARGEST_FILE >> 20} MiB")
                return
            data = path.read_bytes()
        except OSError as error:
            yield Skipped(f"{self.target}: {shown}", error.strerror or "can't be read")
            return
        run.read(1, len(data))
        if not run.scanner.may_contain(data):
            return
        examined = run.scanner.scan(data, shown)
        yield from (Skipped(f"{self.target}: {shown}", reason) for reason in examined.skipped)
        for seen in examined.detections:
            yield LocatedDetection(seen, self._location(_source(shown), shown, seen))

    def _location(self, source: str, path: str, seen: Detection) -> Location:
        has_lines = source != "ref-name"
        return Location(
            source=source,
            target=self.target,
            path=path,
            line=seen.line if has_lines else None,
            column=seen.column if has_lines else None,
            via=seen.via,
            member=seen.member,
            variable=seen.variable,
        )


def _source(shown: str) -> str:
    parts = shown.split("/")
    if parts[-1] in _CONFIG_NAMES:
        return "git-config"
    if "hooks" in parts[:-1]:
        return "git-hook"
    if "logs" in parts[:-1]:
        return "reflog"
    return "git-file"
