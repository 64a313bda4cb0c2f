"""Removes findings listed in a baseline from a report."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenaudit.errors import ConfigurationError
from tokenaudit.file_access import read_argument
from tokenaudit.model import Summary, accepted_active, worst_first
from tokenaudit.redaction import masked
from tokenaudit.report.presentation import RepositoryPaths
from tokenaudit.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.model import Credential, Location, Problem, Report
    from tokenaudit.secret import Secret

_WRITABLE = 0o222
OURS = "tokenaudit"
"""The key for findings that the format of detect-secrets has no place for."""


@dataclass(frozen=True)
class Baseline:
    """A baseline's document and the findings that it lists.

    `values` holds (file, SHA-1 of the value), `harmless` the SHA-1s that an audit labelled as no secrets. `elsewhere`
    holds (fingerprint, place) of findings outside of present files, `problems` the identities of configuration
    problems.
    """

    document: dict[str, Any] = field(default_factory=dict)
    values: frozenset[tuple[str, str]] = frozenset()
    harmless: frozenset[str] = frozenset()
    elsewhere: frozenset[tuple[str, str]] = frozenset()
    problems: frozenset[str] = frozenset()


def load(path: Path) -> Baseline:
    """Loads the baseline at `path`.

    Raises:
        ConfigurationError: the file can't be read or is not a baseline.
    """
    shown = visible(str(path))
    try:
        document = masked(json.loads(read_argument(path)))
    except FileNotFoundError:
        message = f"baseline {shown} does not exist; create it with --update-baseline"
        raise ConfigurationError(message) from None
    except OSError as error:
        message = f"baseline {shown} can't be read: {error.strerror}"
        raise ConfigurationError(message) from None
    except (ValueError, RecursionError):
        message = f"baseline {shown} is not valid JSON; write it again with --update-baseline or detect-secrets scan"
        raise ConfigurationError(message) from None
    try:
        return of_document(document)
    except (KeyError, TypeError, AttributeError):
        message = f"baseline {shown} is not in the format of detect-secrets: results with hashed_secret are missing"
        raise ConfigurationError(message) from None


def of_document(document: dict[str, Any]) -> Baseline:
    """The baseline that a parsed document is. A wrong shape raises KeyError, TypeError or AttributeError."""
    values = set()
    harmless = set()
    for name, entries in document["results"].items():
        for entry in entries:
            digest = entry["hashed_secret"].lower()
            values.add((normal(name), digest))
            if entry.get("is_secret") is False:
                harmless.add(digest)
    ours = document.get(OURS, {})
    elsewhere = {(entry["fingerprint"].lower(), entry["place"]) for entry in ours.get("credentials", ())}
    problems = {problem["id"].lower() for problem in ours.get("problems", ())}
    return Baseline(document, frozenset(values), frozenset(harmless), frozenset(elsewhere), frozenset(problems))


def save(baseline: Baseline, path: Path) -> None:
    """Writes `baseline` atomically.

    Raises:
        ConfigurationError: the file can't be written.
    """
    text = json.dumps(masked(baseline.document), indent=2) + "\n"
    path = path.resolve()  # symbolic links are preserved: their target is replaced
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and not mode & _WRITABLE:
            message = f"baseline {visible(str(path))} is read-only and was not changed; make it writable to update it"
            raise ConfigurationError(message)
        partial.write_text(text, encoding="utf-8", newline="\n")
        if mode is not None:
            partial.chmod(stat.S_IMODE(mode))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        message = f"baseline {visible(str(path))} can't be written: {error.strerror}"
        raise ConfigurationError(message) from None


def normal(name: str) -> str:
    """A file's name as both `./x` and `x` (and `x` with backslashes) give it."""
    return posixpath.normpath(name.replace("\\", "/"))


def apply(report: Report, baseline: Baseline, secrets: Iterable[Secret], base: Path | None = None) -> Report:
    """Returns `report` without the locations and problems that `baseline` lists; `summary.known` is their number.

    A credential is removed when none of its locations is left; an active one is among `accepted_active` then. One
    whose value is not among `secrets` can't be matched by SHA-1 and is not removed. A value that an audit labelled as
    not a secret is removed at every location. `base` is the folder of the baseline (default: the current folder), see
    `FileNames`.
    """
    names = FileNames(report, base)
    digests = {secret.fingerprint: digest(secret) for secret in secrets}
    credentials = []
    known = 0
    active = list(report.accepted_active)
    for credential in report.credentials:
        left = _left(credential, baseline, digests.get(credential.fingerprint), names)
        if left is None:
            known += credential.likelihood == "credential"
            active += filter(None, [accepted_active(credential, "baseline")])
        else:
            credentials.append(left)
    problems = tuple(problem for problem in report.problems if identity(problem, names) not in baseline.problems)
    known += len(report.problems) - len(problems)
    reduced = replace(report, credentials=tuple(credentials), problems=problems, accepted_active=worst_first(active))
    return replace(reduced, summary=Summary.of(reduced.credentials, reduced.problems, report.summary.unlikely, known))


def _left(credential: Credential, baseline: Baseline, hashed: str | None, names: FileNames) -> Credential | None:
    if hashed in baseline.harmless:
        return None
    if not credential.locations:  # it was handed over, so wherever the baseline lists it will do
        return None if hashed in {listed for _, listed in baseline.values} else credential
    places = tuple(
        location
        for location in credential.locations
        if not any(
            (name, hashed) in baseline.values or (credential.fingerprint, place(location, name)) in baseline.elsewhere
            for name in names.accepted(location)
        )
    )
    return replace(credential, locations=places) if places else None


def digest(secret: Secret) -> str:
    """SHA-1 of a value, which is how detect-secrets names it in baselines."""
    raw = secret.reveal().encode("utf-8", "surrogateescape")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def place(location: Location, name: str | None) -> str:
    """Key of a location without its line: the file `name`, or the kind of location and its object."""
    return visible(name or f"{location.source}:{location.commit or location.object or location.target}")


def identity(problem: Problem, names: FileNames) -> str:
    """Names a problem as long as its rule, file, and place in that file stay; no line number."""
    file = names.written(problem.target, problem.path)
    parts = (problem.rule, file or problem.target, problem.where or "", problem.credential_name or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


class FileNames:
    """Names of the files of one report.

    Names are relative to the repository. Without a repository, or with several, they are relative to the folder of the
    baseline. Files outside that folder are named relative to their own target.
    """

    def __init__(self, report: Report, base: Path | None = None) -> None:
        """`base` is the folder of the baseline, by default the current one."""
        self.base = (base or Path.cwd()).resolve()
        self._paths = RepositoryPaths.of(report)
        self._roots = {
            target.repository: Path(target.repository).resolve()
            for target in report.targets
            if target.repository is not None
        }
        alone = next(iter(self._roots.values())) if len(self._roots) == 1 else None
        self.repository = alone if alone is not None and _is_repository(alone) else None
        """The root of the one repository of the report, None where there is none or another one."""

    def written(self, target: str, path: str | None) -> str | None:
        """The name to write for the file `path` of `target`, None if there is no file."""
        return self._names(target, path)[0] if path is not None else None

    def location(self, location: Location) -> str | None:
        """`written` for the file that `location` is in."""
        return self.written(location.target, location.path)

    def accepted(self, location: Location) -> list[str | None]:
        """The names that a baseline can use for the file.

        They include the names from runs over more or fewer repositories, the absolute path, and the path from the
        folder of the baseline: detect-secrets writes the path that it was called with.
        """
        if location.path is None:
            return [None]
        found: list[str | None] = [*self._names(location.target, location.path)]
        place = self._paths.place(location.target, location.path)
        root = self._roots.get(place.root)
        if root is not None and place.path is not None:
            whole = Path(os.path.normpath(root / place.path))
            found += [whole.as_posix(), *_ways(whole, self.base)]
        return found

    def canonical(self, name: str) -> str:
        """A name in a baseline as it is written now: whole paths and those with `..` become relative."""
        name = normal(name)
        if not name.startswith(("/", "../")) and name[1:3] != ":/":
            return name
        whole = Path(os.path.normpath(self.base / name))
        return _relative(whole, self.repository or self.base) or name

    def _names(self, target: str, path: str) -> list[str]:
        place = self._paths.place(target, path)
        root = self._roots.get(place.root)
        if root is None or place.path is None:
            return [self._elsewhere(target, path)]
        inside = normal(place.path)
        from_base = _relative(root / place.path, self.base)
        if self.repository is not None:
            return [inside, *([from_base] if from_base else [])]
        outside = inside if len(self._roots) == 1 else normal(f"{place.root}/{place.path}")
        return [from_base or outside, *([inside] if _is_repository(root) else [])]

    def _elsewhere(self, target: str, path: str) -> str:
        """For targets that are not on disk, such as a clone URL or this machine."""
        if "://" in target:
            return normal(path)
        return _relative(Path(os.path.normpath(self.base / target / path)), self.base) or normal(path)


def _ways(path: Path, base: Path) -> list[str]:
    try:
        return [Path(os.path.relpath(path, base)).as_posix()]
    except ValueError:  # on another drive
        return []


def _relative(path: Path, base: Path) -> str | None:
    """`path` relative to `base` if it is inside `base`."""
    return normal(path.relative_to(base).as_posix()) if path.is_relative_to(base) else None


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())
