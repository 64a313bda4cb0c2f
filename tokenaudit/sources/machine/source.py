"""This machine as a place to audit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tokenaudit.interfaces import Detection, Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Problem, Skipped
from tokenaudit.sources.machine.credential_stores import helper_answers, keyring_entries
from tokenaudit.sources.machine.places import TOO_OPEN, MachineFile, machine_files, notebooks_and_dotenv

_LARGEST = 256 * 1024 * 1024
_OTHERS = stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH


class MachineSource:
    """The home folder's well-known files, the environment, git's credential helpers, the keyring, and notebooks.

    Args:
        home: whose machine it is; the files are those under this folder.
        environment: the variables of the process.
        folders: further folders in which notebooks and dotenv files are looked for, none by default.
        ask_helpers: whether git's credential helpers and the OS keyring are asked. They answer for the real user, so
            this is off where `home` is not that user's.
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
        """Everything found on the machine, and every file that is too open for what it holds."""
        run.progress.start("reading this machine")
        yield from self._variables(run)
        for file in machine_files(self._home, self._environment):
            yield from self._file(file, run)
        for folder in self._folders:
            for found in notebooks_and_dotenv(folder):
                if isinstance(found, Skipped):
                    yield found
                else:
                    yield from self._file(found, run)
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
            location = Location("machine", self.target, path=name, via=detection.via, member=detection.member)
            yield LocatedDetection(detection, location)

    def _file(self, file: MachineFile, run: ScanContext) -> Iterator[Finding]:
        shown = self._shown(file.path)
        try:
            status = file.path.stat()
            if not stat.S_ISREG(status.st_mode):
                return
            if status.st_size > _LARGEST:
                yield Skipped(shown, f"{status.st_size:,} bytes are more than the {_LARGEST:,} a machine file may have")
                return
            data = file.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            yield Skipped(shown, f"can't be read: {error.strerror}")
            return
        run.read(1, len(data))
        examined = run.scanner.scan(data, file.path.name)
        yield from (Skipped(shown, reason) for reason in examined.skipped)
        for detection in examined.detections:
            yield LocatedDetection(detection, _location(self.target, shown, detection))
        if any(detection.likelihood == "credential" for detection in examined.detections):
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
            message=f"holds a credential, and its mode {stat.S_IMODE(mode):04o} lets other users of this machine at it",
            remedy=f"chmod 600 {shown}",
        )

    def _shown(self, path: Path) -> str:
        try:
            return "~/" + path.relative_to(self._home).as_posix()
        except ValueError:
            return path.as_posix()


def _location(target: str, path: str, detection: Detection) -> Location:
    return Location(
        "machine",
        target,
        path=path,
        line=detection.line,
        column=detection.column,
        via=detection.via,
        member=detection.member,
        variable=detection.variable,
    )
