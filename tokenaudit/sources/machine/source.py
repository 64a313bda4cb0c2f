"""This machine as a source."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.keyring import configured
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.file_reader import Unreadable
from tokenaudit.sources.local.git_locations import place, without_lines
from tokenaudit.sources.local.parallel import examine_file
from tokenaudit.sources.machine.places import TOO_OPEN, MachineFile, machine_files, project_files

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
        data = value.encode("utf-8", "surrogateescape")
        run.read(1, len(data))
        for detection in run.scanner.scan(data).detections:
            location = place("machine", self.target, without_lines(detection))
            yield LocatedDetection(detection, replace(location, path=name))

    def _file(self, file: MachineFile, real: str, run: ScanContext) -> Iterator[Finding]:
        """Scan a file; `real` is its real path: home folders often contain links to files stored elsewhere."""
        shown = self._shown(file.path)
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
