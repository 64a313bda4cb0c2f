"""A baseline brought up to what a report found."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tokenaudit.baseline.document import OURS, Baseline, normal, of_document
from tokenaudit.baseline.match import digest, file_name, identity, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenaudit.model import Credential, Location, Report
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
    """`baseline` with everything that `report` (whole, nothing taken out) found.

    Labels of audits, other plugins' entries and the settings stay. Entries of `plugins` that are not found any more
    go, unless the report is incomplete: then nothing goes. Entries are written only for files that are there, since
    `detect-secrets audit` opens each of them; everything else stands under our own key.
    """
    root = base or Path.cwd()
    old = baseline.document if baseline else {}
    values = {secret.fingerprint: digest(secret) for secret in secrets}
    types = {plugin.kind: plugin.secret_type for plugin in plugins}
    results = _kept(old, set(types.values()) if report.complete else set())
    elsewhere: dict[tuple[str, str], dict[str, Any]] = {}
    for credential in report.credentials:
        if credential.likelihood == "credential":
            hashed, secret_type = values.get(credential.fingerprint), types.get(credential.kind)
            for location in credential.locations:
                name = file_name(location, root)
                if name is None or hashed is None or secret_type is None or not _present(location):
                    entry = _elsewhere(credential, place(location, root))
                    elsewhere[entry["fingerprint"], entry["place"]] = entry
                else:
                    _add(results.setdefault(name, {}), name, secret_type, hashed, credential, location)
    _label(results, old)
    document = {
        "version": old.get("version", FORMAT),
        "plugins_used": _plugins_used(old, plugins, root),
        "filters_used": old.get("filters_used", []),
        "results": {name: _in_order(results[name]) for name in sorted(results) if results[name]},
        **_ours(old, report, elsewhere),
        "generated_at": (now or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return of_document(document)


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


def _label(results: dict[str, Entries], old: dict[str, Any]) -> None:
    """Gives new entries the labels of the old ones and takes off the mark that they are new."""
    labels = {
        (normal(name), entry.get("type", ""), entry["hashed_secret"].lower()): entry["is_secret"]
        for name, entries in old.get("results", {}).items()
        for entry in entries
        if "is_secret" in entry
    }
    for name, entries in results.items():
        for (secret_type, hashed), entry in entries.items():
            if entry.pop("is_new", False) and (name, secret_type, hashed) in labels:
                entry["is_secret"] = labels[name, secret_type, hashed]


def _kept(old: dict[str, Any], renewed: set[str]) -> dict[str, Entries]:
    kept: dict[str, Entries] = {}
    for name, entries in old.get("results", {}).items():
        for entry in entries:
            if entry.get("type") not in renewed:
                kept.setdefault(normal(name), {})[entry.get("type", ""), entry["hashed_secret"].lower()] = entry
    return kept


def _present(location: Location) -> bool:
    return (location.source in _PRESENT or location.in_head is True) and not location.via and location.member is None


def _elsewhere(credential: Credential, where: str) -> dict[str, Any]:
    shown = {"fingerprint": credential.fingerprint, "display": credential.display, "kind": credential.kind}
    return {**shown, "place": where}


def _in_order(entries: Entries) -> list[dict[str, Any]]:
    return sorted(entries.values(), key=lambda e: (e.get("line_number", 0), e["hashed_secret"], e.get("type", "")))


def _ours(old: dict[str, Any], report: Report, elsewhere: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    problems = {
        identity(problem): {"id": identity(problem), "rule": problem.rule, "place": problem.path or problem.target}
        for problem in report.problems
    }
    if not report.complete:
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


def _plugins_used(old: dict[str, Any], plugins: Sequence[HostPlugin], root: Path) -> list[dict[str, Any]]:
    used = {str(entry["name"]): entry for entry in old.get("plugins_used", [])}
    for plugin in plugins:
        before = used.get(plugin.name)
        if before is None or not _loads(before, root):
            used[plugin.name] = {"name": plugin.name, "path": _file_url(plugin.path, root)}
    return sorted(used.values(), key=lambda entry: str(entry["name"]).lower())


def _loads(entry: dict[str, Any], root: Path) -> bool:
    return (root / str(entry.get("path", "")).removeprefix("file://")).is_file()


def _file_url(path: Path, root: Path) -> str:
    # detect-secrets takes what follows "file://" as a path, relative ones from the current folder: so a baseline that
    # names a plugin of its own repository works in every checkout.
    whole = path.resolve()
    return f"file://{whole.relative_to(root.resolve()).as_posix() if whole.is_relative_to(root.resolve()) else whole}"
