"""Files in a repository's `.git` other than objects: configuration, hooks, reflogs, unfinished messages."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tokenaudit.git.command import GitError
from tokenaudit.git.layout import Repository, open_repository
from tokenaudit.interfaces import Detection, Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local.file_reader import Unreadable, why
from tokenaudit.sources.local.git_history import history_within
from tokenaudit.sources.local.git_locations import followed, place, without_lines
from tokenaudit.sources.local.parallel import examine_file

_CONFIG_NAMES = frozenset({"config", "config.worktree"})


class GitDirSource:
    """The files of one repository's `.git`, including worktrees and submodules, and the names of its refs.

    Object folders are left to `HistorySource`. Symbolic links are not followed.
    """

    kind = "git"

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `interfaces.Source`."""
        try:
            repository = open_repository(self.path)
            folder = repository.common_dir
        except GitError as error:
            # The history can't be read then, but a token in the configuration of a broken repository still counts.
            folder = self.path / ".git"
            yield Skipped(self.target, str(error))
            if not folder.is_dir():
                return
            repository = None
        shown = "" if folder == self.path.resolve() else ".git/"
        if repository is not None:
            followed(repository, run)
            yield from self._ref_names(repository, run)
        yield from self._files(folder, shown, run)

    def _ref_names(self, repository: Repository, run: ScanContext) -> Iterator[Finding]:
        names = [name.encode("utf-8", "surrogateescape") for name in repository.refs]
        if not run.scanner.may_contain(b"\n".join(names)):
            return
        for name in names:
            for seen in run.scanner.scan(name).detections:
                yield LocatedDetection(seen, self._location("ref-name", name.decode("utf-8", "surrogateescape"), seen))

    def _files(self, folder: Path, shown: str, run: ScanContext) -> Iterator[Finding]:
        failures: list[OSError] = []
        root = os.path.join(folder, "")  # noqa: PTH118 - ends in a separator
        for parent, folders, files in os.walk(folder, onerror=failures.append):
            above = os.path.join(parent, "")[len(root) :].replace(os.sep, "/")  # noqa: PTH118 - as above
            # Refs contain ids, and objects are history: a repository (also a submodule) has both next to its HEAD.
            if "HEAD" in files and "objects" in folders:
                folders[:] = [name for name in folders if name not in {"objects", "refs"}]
                inside = Path(parent)
                submodule = above.removesuffix("/").removeprefix("modules/")
                if above and not run.exclusions.leaves_out(self.target, submodule):
                    yield from history_within(inside, folder, f"{self.target}/{shown}".rstrip("/"), run)
            folders.sort()
            for name in sorted(files):
                relative = above + name
                if relative != "packed-refs" and not run.exclusions.leaves_out(self.target, shown + relative):
                    yield from self._file(os.path.join(parent, name), shown + relative, run)  # noqa: PTH118 - as above
        run.retry |= bool(failures)
        for failure in failures:
            yield Skipped(f"{self.target}: {failure.filename}", failure.strerror or "can't be read")

    def _file(self, path: str, shown: str, run: ScanContext) -> Iterator[Finding]:
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return
            examined, size = examine_file(path, run.scanner)
        except OSError as error:
            run.retry = True
            yield Skipped(f"{self.target}: {shown}", why(error))
            return
        except Unreadable as error:
            run.retry = True
            yield Skipped(f"{self.target}: {shown}", error.reason)
            return
        run.read(1, size)
        found: list[Finding] = [Skipped(f"{self.target}: {shown}", reason) for reason in examined.skipped]
        found += [LocatedDetection(seen, self._location(_source(shown), shown, seen)) for seen in examined.detections]
        yield from found

    def _location(self, source: str, path: str, seen: Detection) -> Location:
        found = seen if source != "ref-name" else without_lines(seen)
        return replace(place(source, self.target, found), path=path)


def _source(shown: str) -> str:
    parts = shown.split("/")
    if parts[-1] in _CONFIG_NAMES:
        return "git-config"
    if "hooks" in parts[:-1]:
        return "git-hook"
    if "logs" in parts[:-1]:
        return "reflog"
    return "git-file"
