"""Repositories that lie within another place: submodules, vendored clones, bare repositories in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenaudit.interfaces import Finding, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.file_reader import list_files

if TYPE_CHECKING:
    from tokenaudit.sources.local.git_history import HistorySource


def history_within(git_dir: Path, root: Path, target: str, run: ScanContext) -> Iterator[Finding]:
    """The history of the repository in `git_dir`, as a place called by its path below `root`.

    The files in `git_dir` are left to whoever found it.
    """
    return _history_within(git_dir, root, target).findings(run)


def _history_within(git_dir: Path, root: Path, target: str) -> HistorySource:
    from tokenaudit.sources.local.git_history import HistorySource  # noqa: PLC0415 - most places hold no further repository

    folder = git_dir.parent if git_dir.name == ".git" else git_dir
    return HistorySource(folder, f"{target.rstrip('/')}/{folder.relative_to(root).as_posix()}")


class NestedHistoriesSource:
    """The histories of all repositories in a folder that is none itself."""

    kind = "git"

    def __init__(self, path: Path, target: str, absent: str, *, required: bool = False) -> None:
        """`absent` is what to say where there is none."""
        self.path = path
        self.target = target
        self.required = required
        self.absent: str | None = absent

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """See `sources.interface.Source`."""
        listing = list_files(os.fspath(self.path))
        for folder in listing.repositories:
            history = _history_within(Path(folder), self.path, self.target)
            yield from history.findings(run)
            if history.absent is None:
                self.absent = None
        for each in listing.unreadable:
            yield Skipped(f"{self.target}: {os.path.relpath(each.path, self.path)}", each.reason)
