"""The files of a machine to scan, found by the table of `tokenaudit.sources.machine.table`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tokenaudit.hub.credentials import expanded, hf_home, token_file
from tokenaudit.model import Rule, Severity, Skipped
from tokenaudit.sources.machine.table import IN_PROJECTS, ROWS, FileUse, ToolFiles

FOLDERS: dict[str, tuple[str, ...]] = {
    "config": (".config", "Library/Application Support", "AppData/Roaming"),
    "data": (".local/share", "Library/Application Support", "AppData/Roaming", "AppData/Local"),
    "cache": (".cache", "Library/Caches", "AppData/Local"),
    "state": (".local/state",),
    "documents": ("Documents", "OneDrive/Documents"),
}
"""Values of the names in braces, on Linux, macOS and Windows; the variables below override the first."""

VARIABLES: dict[str, tuple[str, ...]] = {
    "config": ("XDG_CONFIG_HOME", "APPDATA"),
    "data": ("XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"),
    "cache": ("XDG_CACHE_HOME", "LOCALAPPDATA"),
    "state": ("XDG_STATE_HOME",),
    "documents": (),
}

_FOLDER = re.compile(r"\{(\w+)\}/")


@dataclass(frozen=True)
class MachineFile:
    """A file to scan, whether it should be readable only by its owner, and whether credentials are stored there."""

    path: Path
    what: str
    private: bool = True
    use: FileUse = "kept"


def machine_files(home: Path, environment: Mapping[str, str]) -> Iterator[MachineFile]:
    """Yield every file in the table, whether it exists or not, without duplicates."""
    seen: set[Path] = set()
    for found in _candidates(home, environment):
        if found.path not in seen:
            seen.add(found.path)
            yield found


def _candidates(home: Path, environment: Mapping[str, str]) -> Iterator[MachineFile]:
    active = token_file(home, environment)
    yield MachineFile(active, "active Hugging Face token")
    yield MachineFile(active.with_name("stored_tokens"), "stored Hugging Face tokens")
    for folder in (hf_home(home, environment), home / ".cache" / "huggingface"):
        yield MachineFile(folder / "token", "unused Hugging Face token file")
        yield MachineFile(folder / "stored_tokens", "unused stored Hugging Face tokens")
    for row in ROWS:
        for variable in row.variables:
            for path in _named_by(variable, home, environment):
                yield MachineFile(path, row.what, row.private, row.use)
        for pattern in row.paths:
            for path in _matching(pattern, home, environment):
                yield MachineFile(path, row.what, row.private, row.use)


def _named_by(variable: str, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the file or files that `NAME` names, or the file `rest` in the folder that it names in `NAME/rest`."""
    name, _, rest = variable.partition("/")
    for value in environment.get(name, "").split(os.pathsep):
        if value:
            path = expanded(value, home, environment)
            yield path / rest if rest else path


def _matching(pattern: str, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    found = _FOLDER.match(pattern)
    if found is None:
        yield from _below(home, pattern)
        return
    for folder in _folders(found[1], home, environment):
        yield from _below(folder, pattern[found.end() :])


def _folders(name: str, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    for variable in VARIABLES[name]:
        if environment.get(variable):
            yield expanded(environment[variable], home, environment)
    yield from (home / folder for folder in FOLDERS[name])


def _below(folder: Path, pattern: str) -> Iterator[Path]:
    if "*" in pattern:
        yield from sorted(folder.glob(pattern))
    else:
        yield folder / pattern


TOO_OPEN = Rule(
    id="machine-file-too-open",
    title="Credential file readable by other users",
    severity=Severity.MEDIUM,
    why=(
        "huggingface_hub creates its token files with mode 0600. A credential file with group or world permissions "
        "exposes the credential to other accounts and services on the machine."
    ),
    remedy="Remove the permissions: chmod 600 FILE. Rotate the credential if others have accounts on this machine.",
    bad="-rw-r--r-- ~/.cache/huggingface/token",
    good="-rw------- ~/.cache/huggingface/token",
    references=("https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",),
)

RULES: dict[str, Rule] = {TOO_OPEN.id: TOO_OPEN}


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
    """Yield the table's project files below `folder`; symlinks are not followed.

    Other hidden folders and third-party packages (`site-packages`, `node_modules`) are excluded: `scan` reads those.
    After half a million entries the rest is reported as `Skipped`.
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
