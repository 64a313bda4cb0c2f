"""Notebooks, dotenv files and what else holds credentials in the folders of projects that the user names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tokenaudit.model import Skipped
from tokenaudit.sources.machine.places import MachineFile
from tokenaudit.sources.machine.table import IN_PROJECTS, ToolFiles

_LEFT_OUT = frozenset({"node_modules", "site-packages", "__pycache__"})
_MOST_ENTRIES = 500_000
_PLAIN = tuple((row, pattern) for row in IN_PROJECTS for pattern in row.paths if "/" not in pattern)
_DEEPER = tuple(
    (row, pattern.partition("/")[0], pattern.partition("/")[2])
    for row in IN_PROJECTS
    for pattern in row.paths
    if "/" in pattern
)


def project_files(folder: Path) -> Iterator[MachineFile | Skipped]:
    """What the table looks for in projects, below `folder`; symlinks are not followed.

    Other hidden folders and packages that somebody else wrote (`site-packages`, `node_modules`) are left out: `scan`
    reads those. More than half a million entries are not walked, and the rest is `Skipped`.
    """
    problems: list[OSError] = []
    entries = 0
    for top, folders, files in os.walk(folder, onerror=problems.append):
        entries += len(folders) + len(files)
        if entries > _MOST_ENTRIES:
            yield Skipped(str(folder), f"has more than {_MOST_ENTRIES:,} entries; nothing from {top} on was read")
            break
        here = Path(top)
        for row, pattern in _PLAIN:
            yield from (_file(here / name, row) for name in sorted(files) if fnmatch(name, pattern))
        for row, first, rest in _DEEPER:
            if first in folders:
                yield from (_file(path, row) for path in sorted((here / first).glob(rest)))
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
    for problem in problems:
        yield Skipped(str(problem.filename), f"can't be read: {problem.strerror}")


def _file(path: Path, row: ToolFiles) -> MachineFile:
    return MachineFile(path, row.what, row.private, row.use)
