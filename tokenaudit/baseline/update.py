"""Updates a baseline from a report, and runs detect-secrets with the plugins of this package.

detect-secrets looks for plugins in its own package and in files by their path, and its `audit` (1.5.0) forgets those
from files before it begins. With `detect_secrets` no baseline has to say where they are installed.
"""

from __future__ import annotations

import multiprocessing
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from detect_secrets import main as program
from detect_secrets import pre_commit_hook
from detect_secrets.core.plugins import util
from detect_secrets.exceptions import InvalidBaselineError, UnableToReadBaselineError

from tokenaudit.baseline.match import OURS, Baseline, FileNames, digest, identity, normal, of_document, place
from tokenaudit.detect.plugins import shipped
from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenaudit.model import Credential, Location, Report, Target
    from tokenaudit.secret import Secret

FORMAT = "1.5.0"
"""The version of detect-secrets whose format this is; later ones read it."""

Entries: TypeAlias = dict[tuple[str, str], dict[str, Any]]
"""A file's entries by type and SHA-1."""

_PRESENT = frozenset({"tree", "ci"})


class HostPlugin(Protocol):
    """What a baseline says of the plugin that found something; `tokenaudit.detect.plugins.Plugin` is one."""

    @property
    def name(self) -> str:
        """The class's name."""

    @property
    def kind(self) -> str:
        """The kind of credential it finds."""

    @property
    def secret_type(self) -> str:
        """Its type in detect-secrets' words."""

    @property
    def path(self) -> Path:
        """The file it is in."""


def updated(
    baseline: Baseline | None,
    report: Report,
    secrets: Iterable[Secret],
    plugins: Sequence[HostPlugin],
    base: Path | None = None,
    now: datetime | None = None,
) -> Baseline:
    """Returns `baseline` with everything that `report` (complete, nothing removed) contains.

    Audit labels, entries of other plugins and settings are preserved. Entries of `plugins` that are no longer found are
    removed for files that were read; an incomplete report removes nothing. Entries are written only for existing files,
    because `detect-secrets audit` opens each of them; all others are stored under the key of tokenaudit. The time
    changes only if something else does. `base` is the folder of the baseline, see `FileNames`.
    """
    names = FileNames(report, base)
    read = Coverage(report, names)
    old = baseline.document if baseline else {}
    values = {secret.fingerprint: digest(secret) for secret in secrets}
    types = {plugin.kind: plugin.secret_type for plugin in plugins}
    results = _preserved(old, set(types.values()), read)
    elsewhere: dict[tuple[str, str], dict[str, Any]] = {}
    for credential in report.credentials:
        if credential.likelihood == "credential":
            hashed, secret_type = values.get(credential.fingerprint), types.get(credential.kind)
            for location in credential.locations:
                name = names.location(location)
                if name is None or hashed is None or secret_type is None or not _present(location):
                    entry = _elsewhere(credential, place(location, name))
                    elsewhere[entry["fingerprint"], entry["place"]] = entry
                else:
                    _add(results.setdefault(name, {}), name, secret_type, hashed, credential, location)
    _label(results, old, names)
    document = {
        "version": old.get("version", FORMAT),
        "plugins_used": _plugins_used(old, plugins, names),
        "filters_used": old.get("filters_used", []),
        "results": {name: _in_order(results[name]) for name in sorted(results) if results[name]},
        **_ours(old, report, elsewhere, read),
        "generated_at": old.get("generated_at"),
    }
    if document == _with_normal_names(old):
        return of_document(old)
    if document != old:
        document["generated_at"] = (now or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return of_document(document)


def _with_normal_names(old: dict[str, Any]) -> dict[str, Any]:
    """`old` as it would be written, were its names spelled as ours: with slashes, and without `./`."""
    results: dict[str, Entries] = {}
    for name, entries in old.get("results", {}).items():
        for entry in entries:
            key = (entry.get("type", ""), entry["hashed_secret"].lower())
            results.setdefault(normal(name), {})[key] = {**entry, "filename": normal(name)}
    return {**old, "results": {name: _in_order(results[name]) for name in sorted(results)}}


def _add(
    entries: Entries, name: str, secret_type: str, hashed: str, credential: Credential, location: Location
) -> None:
    before = entries.get((secret_type, hashed))
    line = location.line or 1
    if before is not None and before.get("is_new"):
        line = min(line, before["line_number"])
    entries[secret_type, hashed] = {
        "type": secret_type,
        "filename": name,
        "hashed_secret": hashed,
        "is_verified": credential.inspection is not None and credential.inspection.status == "active",
        "line_number": line,
        "is_new": True,
    }


def _label(results: dict[str, Entries], old: dict[str, Any], names: FileNames) -> None:
    """Copies the labels of old entries to new ones and removes the mark of new entries."""
    labels = {
        (names.canonical(name), entry.get("type", ""), entry["hashed_secret"].lower()): entry["is_secret"]
        for name, entries in old.get("results", {}).items()
        for entry in entries
        if "is_secret" in entry
    }
    for name, entries in results.items():
        for (secret_type, hashed), entry in entries.items():
            if entry.pop("is_new", False) and (name, secret_type, hashed) in labels:
                entry["is_secret"] = labels[name, secret_type, hashed]


def _preserved(old: dict[str, Any], renewed: set[str], read: Coverage) -> dict[str, Entries]:
    preserved: dict[str, Entries] = {}
    for name, entries in old.get("results", {}).items():
        for entry in entries:
            written = read.names.canonical(name)
            if entry.get("type") not in renewed or not read.file(written):
                preserved.setdefault(written, {})[entry.get("type", ""), entry["hashed_secret"].lower()] = entry
    return preserved


def _present(location: Location) -> bool:
    return (location.source in _PRESENT or location.in_head is True) and not location.via and location.member is None


def _elsewhere(credential: Credential, where: str) -> dict[str, Any]:
    shown = {"fingerprint": credential.fingerprint, "display": credential.display, "kind": credential.kind}
    return {**shown, "place": where}


def _in_order(entries: Entries) -> list[dict[str, Any]]:
    return sorted(entries.values(), key=lambda e: (e.get("line_number", 0), e["hashed_secret"], e.get("type", "")))


def _ours(
    old: dict[str, Any], report: Report, elsewhere: dict[tuple[str, str], dict[str, Any]], read: Coverage
) -> dict[str, Any]:
    problems = {}
    for problem in report.problems:
        key = identity(problem, read.names)
        file = read.names.written(problem.target, problem.path)
        problems[key] = {"id": key, "rule": problem.rule, "place": file or problem.target}
    if not read.everything:
        before = old.get(OURS, {})
        elsewhere = {(e["fingerprint"].lower(), e["place"]): e for e in before.get("credentials", ())} | elsewhere
        problems = {e["id"].lower(): e for e in before.get("problems", ())} | problems
    if not elsewhere and not problems:
        return {}
    return {
        OURS: {
            "credentials": [elsewhere[key] for key in sorted(elsewhere)],
            "problems": sorted(
                problems.values(), key=lambda problem: (problem["place"], problem["rule"], problem["id"])
            ),
        }
    }


def _plugins_used(old: dict[str, Any], plugins: Sequence[HostPlugin], names: FileNames) -> list[dict[str, Any]]:
    used = {str(entry["name"]): entry for entry in old.get("plugins_used", [])}
    root = names.repository or names.base
    for plugin in plugins:
        before = used.get(plugin.name)
        if before is None or not _loads(before, (root, names.base)):
            used[plugin.name] = {"name": plugin.name, **_path_in(plugin.path.resolve(), root)}
    return sorted(used.values(), key=lambda entry: str(entry["name"]).lower())


def _loads(entry: dict[str, Any], folders: Sequence[Path]) -> bool:
    if "path" not in entry:
        return True
    return any((folder / str(entry["path"]).removeprefix("file://")).is_file() for folder in folders)


def _path_in(plugin: Path, root: Path) -> dict[str, str]:
    """The path of a plugin that is a file of the repository, which works in every checkout.

    detect-secrets takes what follows "file://" as a path, relative ones from the current folder. An installed plugin
    is in another place on every machine: it has no path, and `tokenaudit detect-secrets` provides it.
    """
    installed = plugin.is_relative_to(Path(sys.prefix).resolve()) or "site-packages" in plugin.parts
    if installed or not plugin.is_relative_to(root.resolve()):
        return {}
    return {"path": f"file://{plugin.relative_to(root.resolve()).as_posix()}"}


class Coverage:
    """What a run has read: a known finding that is missing there no longer exists."""

    def __init__(self, report: Report, names: FileNames) -> None:
        self.names = names
        kinds: dict[str, set[str]] = {}
        for target in report.targets:
            kinds.setdefault(target.target, set()).add(target.kind)
        whole = report.complete and bool(kinds)
        self._read = [self._name(target) for target in report.targets if target.kind == "tree"] if whole else []
        needed = {"tree", "ci"} if names.repository is None else {"git", "tree", "ci"}
        self.everything = (
            whole and all(needed <= found for found in kinds.values()) and not any(t.inside for t in report.targets)
        )
        """Whether every part of each target was read, and each target is a whole repository."""

    def _name(self, target: Target) -> str:
        """The folder or file in the baseline's words; "." for all."""
        path = Path(target.target)
        if path.is_file():
            return self.names.written(target.target, path.name) or "."
        inside = self.names.written(target.target, ".")
        return inside if inside is not None else "."

    def file(self, name: str) -> bool:
        """Whether the file of that name was read, or would have been if it were still there."""
        return any(read in (".", name) or name.startswith(f"{read}/") for read in self._read)


HOOK = "hook"


def detect_secrets(arguments: Sequence[str]) -> int:
    """Runs detect-secrets (`scan`, `audit`) or, with `hook` first, its pre-commit hook; the exit code.

    Raises:
        UsageError: there are no arguments.
        ConfigurationError: a named baseline can't be read or is not one.
    """
    if not arguments:
        message = "no detect-secrets command; use scan, audit or hook, followed by its options"
        raise UsageError(message)
    # The mapping is made once for a process and never cleared; processes that detect-secrets forks have it, too.
    mapping: dict[str, Any] = util.get_mapping_from_secret_type_to_class()
    plugins: Iterable[Any] = util.get_plugins_from_file(str(shipped()))
    mapping |= {plugin.secret_type: plugin for plugin in plugins}
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
        cores = []
    else:
        cores = ["--cores", "1"]
    sys.argv[0] = "detect-secrets"  # the name in its help and messages
    run, rest = (pre_commit_hook.main, arguments[1:]) if arguments[0] == HOOK else (program.main, arguments)
    try:
        return int(run([*cores, *rest]) or 0)
    except (UnableToReadBaselineError, InvalidBaselineError):
        files = one_line(" ".join(each for each in rest if not each.startswith("-")), 200)
        message = f"detect-secrets can't read the baseline among: {files}; create one with --update-baseline FILE"
        raise ConfigurationError(message) from None
    except SystemExit as end:  # its argument parser has said what is wrong
        return end.code if isinstance(end.code, int) else int(end.code is not None)
