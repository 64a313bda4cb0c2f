"""Repositories that lie within another place: submodules, vendored clones, bare repositories in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenaudit.interfaces import Finding, ScanContext


def history_within(git_dir: Path, root: Path, target: str, run: ScanContext) -> Iterator[Finding]:
    """The history of the repository in `git_dir`, as a place called by its path below `root`.

    The files in `git_dir` are left to whoever found it.
    """
    from tokenaudit.sources.local.git_history import HistorySource  # noqa: PLC0415 - most places hold no further repository

    folder = git_dir.parent if git_dir.name == ".git" else git_dir
    name = f"{target.rstrip('/')}/{folder.relative_to(root).as_posix()}"
    yield from HistorySource(folder, name).findings(run)
