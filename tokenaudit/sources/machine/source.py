"""This machine as a source: the files to scan and how they are found."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.credentials import expanded, hf_home, token_file
from tokenaudit.hub.keyring import configured
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Problem, Rule, Severity, Skipped
from tokenaudit.sources.local.file_reader import Unreadable
from tokenaudit.sources.local.git_locations import place, without_lines
from tokenaudit.sources.local.parallel import examine_file
from tokenaudit.sources.machine.table import IN_PROJECTS, ROWS, FileUse, ToolFiles

_HOSTS = ("huggingface.co",)
_SECONDS = 10
_NO_PROMPT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "0"}


def helper_answers(environment: Mapping[str, str]) -> Iterator[tuple[str, str | Skipped]]:
    """Yield the password that git would send to the Hub, from the user's configured credential helpers.

    Runs `git credential fill` with the user's own configuration and without prompts: helpers are part of the audited
    machine. A helper that times out is reported as `Skipped`; one without a password is ignored.
    """
    if shutil.which("git", path=environment.get("PATH")) is None:
        return
    for host in _HOSTS:
        name = f"git credential helper for {host}"
        try:
            if not _ask(["config", "--get-regexp", r"^credential\..*helper$"], b"", environment):
                return
            answer = _ask(["credential", "fill"], f"protocol=https\nhost={host}\n\n".encode(), environment)
        except subprocess.TimeoutExpired:
            yield name, Skipped(name, f"no response within {_SECONDS} s")
            continue
        for line in answer.splitlines():
            if line.startswith("password="):
                yield name, line.removeprefix("password=")


def _ask(arguments: list[str], question: bytes, environment: Mapping[str, str]) -> str:
    answer = subprocess.run(
        ["git", *arguments],
        input=question,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        env={**environment, **_NO_PROMPT},
    )
    return answer.stdout.decode("utf-8", "surrogateescape")


_ENTRIES = (
    ("huggingface_hub", "token"),
    ("huggingface", "token"),
    ("huggingface.co", "hf_user"),
    ("tokenaudit", "hf"),
)


def keyring_entries() -> Iterator[tuple[str, str | Skipped]]:
    """Yield the entries under common names of Hugging Face tokens; a keyring can't be listed, only queried by name.

    Yields nothing on a machine without a keyring; a locked or failing keyring is `Skipped`.
    """
    from keyring.backends.fail import Keyring as NoKeyring  # noqa: PLC0415 - slow to load
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        backend = configured()
    except ConfigurationError as error:
        yield "keyring", Skipped("OS keyring", str(error))
        return
    if isinstance(backend, NoKeyring):
        return
    for service, user in _ENTRIES:
        name = f"keyring entry {service}/{user}"
        try:
            value = backend.get_password(service, user)
        except KeyringError as error:
            yield name, Skipped("OS keyring", f"can't be read: {type(error).__name__}; unlock it and run again")
            return
        if value:
            yield name, value


_SOURCES = {"kept": "machine", "history": "machine-history", "log": "machine-log"}
"""Histories and logs are not meant for storing credentials: those found in them are exposed."""

_OTHERS = stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH


class MachineSource:
    """The home folder's well-known files, the environment, git's credential helpers, the keyring, and notebooks.

    Args:
        home: home folder; files are searched below it.
        environment: environment variables of the process.
        folders: additional folders to search for notebooks, dotenv files and the like, none by default.
        ask_helpers: whether to query git's credential helpers and the OS keyring. They return the credentials of the
            current user, so this is off if `home` is that of another user.
    """

    kind = "machine"

    def __init__(
        self, home: Path, environment: Mapping[str, str], folders: Sequence[Path] = (), *, ask_helpers: bool = True
    ) -> None:
        self.target = "this machine"
        self._home = home
        self._environment = environment
        self._folders = folders
        self._ask_helpers = ask_helpers

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        """Yield all findings on the machine, and every file whose permissions are too open for its content."""
        run.progress.start("reading this machine")
        yield from self._variables(run)
        seen: set[str] = set()
        further = (found for folder in self._folders for found in project_files(folder))
        for found in (*machine_files(self._home, self._environment), *further):
            if isinstance(found, Skipped):
                yield found
            elif (real := os.path.realpath(found.path)) not in seen:
                seen.add(real)
                yield from self._file(found, real, run)
        if self._ask_helpers:
            for name, outcome in (*helper_answers(self._environment), *keyring_entries()):
                if isinstance(outcome, Skipped):
                    yield outcome
                else:
                    yield from self._text(name, outcome, run)

    def _variables(self, run: ScanContext) -> Iterator[Finding]:
        for name, value in sorted(self._environment.items()):
            yield from self._text(f"${name}", value, run)

    def _text(self, name: str, value: str, run: ScanContext) -> Iterator[Finding]:
        if run.exclusions.leaves_out(self.target, name):
            return
        data = value.encode("utf-8", "surrogateescape")
        run.read(1, len(data))
        for detection in run.scanner.scan(data).detections:
            location = place("machine", self.target, without_lines(detection))
            yield LocatedDetection(detection, replace(location, path=name))

    def _file(self, file: MachineFile, real: str, run: ScanContext) -> Iterator[Finding]:
        """Scan a file; `real` is its real path: home folders often contain links to files stored elsewhere."""
        shown = self._shown(file.path)
        if run.exclusions.leaves_out(self.target, shown):
            return
        try:
            status = file.path.stat()
            if not stat.S_ISREG(status.st_mode):
                return
            examined, size = examine_file(real, run.scanner)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            yield Skipped(shown, f"can't be read: {error.strerror}")
            return
        except Unreadable as error:
            yield Skipped(shown, error.reason)
            return
        run.read(1, size)
        found: list[Finding] = [Skipped(shown, reason) for reason in examined.skipped]
        for seen in examined.detections:
            location = replace(place(_SOURCES[file.use], self.target, seen), path=shown)
            found.append(LocatedDetection(seen, location))
        yield from found
        if any(isinstance(each, LocatedDetection) and each.detection.likelihood == "credential" for each in found):
            yield from self._too_open(file, shown, status.st_mode)

    def _too_open(self, file: MachineFile, shown: str, mode: int) -> Iterator[Problem]:
        if os.name != "posix" or not mode & _OTHERS:
            return
        yield Problem(
            rule=TOO_OPEN.id,
            severity=TOO_OPEN.severity,
            target=self.target,
            path=shown,
            line=None,
            column=None,
            where=file.what,
            credential_name=None,
            message=f"has a credential and mode {stat.S_IMODE(mode):04o}, accessible to other users",
            remedy=f"chmod 600 {shown}",
        )

    def _shown(self, path: Path) -> str:
        try:
            return "~/" + path.relative_to(self._home).as_posix()
        except ValueError:
            return path.as_posix()


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
