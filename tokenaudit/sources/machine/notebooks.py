"""Notebooks and dotenv files in folders the user names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.model import Skipped
from tokenaudit.sources.machine.places import MachineFile

_LEFT_OUT = frozenset({"node_modules", "site-packages", "__pycache__"})
_MOST_ENTRIES = 500_000


def notebooks_and_dotenv(folder: Path) -> Iterator[MachineFile | Skipped]:
    """Notebooks, dotenv and direnv files below `folder`; symlinks are not followed.

    Hidden folders and packages that somebody else wrote (`site-packages`, `node_modules`) are left out: `scan` reads
    those. More than half a million entries are not walked, and the rest is `Skipped`.
    """
    problems: list[OSError] = []
    entries = 0
    for top, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        entries += len(folders) + len(files)
        if entries > _MOST_ENTRIES:
            yield Skipped(str(folder), f"has more than {_MOST_ENTRIES:,} entries; nothing from {top} on was read")
            break
        for name in sorted(files):
            if name.endswith(".ipynb"):
                yield MachineFile(Path(top, name), "notebook", private=False)
            elif name in {".env", ".envrc"} or name.startswith(".env.") or name.endswith(".env"):
                yield MachineFile(Path(top, name), "dotenv file")
    for problem in problems:
        yield Skipped(str(problem.filename), f"can't be read: {problem.strerror}")
