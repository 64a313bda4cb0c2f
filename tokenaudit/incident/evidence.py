"""Known credentials and stored secrets: from the inventory, from reports, from values given on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from tokenaudit.audit.aggregate import Findings
from tokenaudit.audit_log.model import FoundCredential
from tokenaudit.errors import InventoryError
from tokenaudit.inspect import input as credential_input
from tokenaudit.inspect.input import CredentialInput, GivenCredential
from tokenaudit.interfaces import Scanner
from tokenaudit.inventory import Inventory, open_inventory
from tokenaudit.inventory.model import KnownCredential, Sweep
from tokenaudit.inventory.read import ordered
from tokenaudit.model import Credential, Inspection, Report, SecretName, Skipped, Tool
from tokenaudit.remediate.runbook import RunbookConsumer
from tokenaudit.remediate.runbook.consumers import consumers_of
from tokenaudit.secret import Secret
from tokenaudit.timestamps import to_utc

_ACCESS_TOKENS = frozenset({"user_token", "org_token", "legacy_token"})
"""The kinds of credentials that an audit log calls access tokens."""

_LAST = 4
_NO_SCANNER = Tool("tokenaudit", "")


@dataclass
class IncidentEvidence:
    """All evidence, merged: credentials by fingerprint, secret names by kind, place and name.

    `known_inspections` has every response of the Hub about a credential, by fingerprint. `first_seen` is the time of
    the first sweep that found it. `reports` are complete, for the consumers of a credential, by the name under which a
    command can read them (None: not as a file). `values` are the values given to this run; they stay in memory.
    """

    credentials: dict[str, Credential] = field(default_factory=dict)
    known_inspections: dict[str, list[Inspection]] = field(default_factory=dict)
    first_seen: dict[str, datetime] = field(default_factory=dict)
    secrets: dict[tuple[str, str, str], SecretName] = field(default_factory=dict)
    reports: list[tuple[str | None, Report]] = field(default_factory=list)
    values: dict[str, Secret] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def inventory(self, known: Sequence[KnownCredential], secrets: Iterable[SecretName]) -> None:
        """Adds the contents of the inventory."""
        for entry in known:
            self._credential(entry.credential)
            fingerprint = entry.credential.fingerprint
            self.first_seen[fingerprint] = min(entry.first_seen, self.first_seen.get(fingerprint, entry.first_seen))
        for secret in secrets:
            self.secrets[secret.kind, secret.target, secret.name] = secret
        present = tuple(entry.credential for entry in known if entry.present)
        times = [entry.last_seen for entry in known]
        if times:
            self.reports.append((None, Report(_NO_SCANNER, min(times), max(times), complete=True, credentials=present)))
        self.sources.append("the inventory")

    def sweeps(self, sweeps: Sequence[Sweep], skipped: Iterable[Skipped]) -> None:
        """Takes in what the sweeps behind the inventory could not read."""
        for sweep in sweeps:
            if sweep.finished_at is None:
                names = ", ".join(sweep.namespaces)
                self.skipped.append(
                    Skipped(f"the sweep of {names}", "not finished; run the same `tokenaudit sweep` again")
                )
        self.skipped += skipped

    def report(self, report: Report, name: str, path: str | None = None) -> None:
        """Adds a report; `path` is its file, for commands."""
        for credential in report.credentials:
            self._credential(credential)
        self.reports.append((path, report))
        self.skipped += report.skipped
        self.sources.append(name)

    def ended(self, ends: Mapping[str, Inspection]) -> None:
        """Takes in what this machine remembers of ends, such as those by `tokenaudit revoke`, for what is known."""
        for fingerprint in self.credentials.keys() & ends.keys():
            self.known_inspections.setdefault(fingerprint, []).append(ends[fingerprint])

    def handed(self, handed: Iterable[CredentialInput], name: str) -> None:
        """Adds values to inspect; empty input is not a source."""
        findings = Findings()
        for each in handed:
            if isinstance(each, GivenCredential):
                findings.learn(each.detection)
            else:
                self.skipped.append(each)
        for credential in findings.credentials.values():
            self._credential(credential)
        self.values.update(findings.secrets)
        if findings.credentials:
            self.sources.append(name)

    def asked(self) -> list[tuple[str, Secret]]:
        """Kind and value of every credential that can be asked about now."""
        return [
            (credential.kind, self.values[fingerprint])
            for fingerprint, credential in self.credentials.items()
            if fingerprint in self.values and credential.likelihood == "credential"
        ]

    def found_credentials(self) -> list[FoundCredential]:
        """The access tokens whose last four characters are known, with their exposure.

        The exposure is the earliest time that is known for one of its places: the date of the commit that introduced
        it, or when a sweep or scan first saw it. A value that was only handed over has no place.
        """
        seen = {fingerprint: [time] for fingerprint, time in self.first_seen.items()}
        for _, report in self.reports:
            for credential in report.credentials if report.tool is not _NO_SCANNER else ():
                if credential.locations:
                    seen.setdefault(credential.fingerprint, []).append(to_utc(report.started_at))
        found = []
        for fingerprint, credential in self.credentials.items():
            last4 = credential.display.rpartition("*")[2]
            if credential.likelihood == "credential" and credential.kind in _ACCESS_TOKENS and len(last4) == _LAST:
                times = [to_utc(spot.date) for spot in credential.locations if spot.date is not None]
                found.append(
                    FoundCredential(fingerprint, last4, min([*times, *seen.get(fingerprint, ())], default=None))
                )
        return found

    def consumers(self, fingerprint: str) -> tuple[RunbookConsumer, ...]:
        """What is known to use a credential. Of a place that was read twice the later complete reading counts."""
        latest: dict[str, datetime] = {}
        for _, report in self.reports:
            for target in report.targets if report.complete else ():
                latest[target.target] = max(report.finished_at, latest.get(target.target, report.finished_at))
        found: dict[RunbookConsumer, None] = {}
        for _, report in self.reports:
            for seen in report.credentials:
                if seen.fingerprint == fingerprint:
                    valid = tuple(
                        spot
                        for spot in seen.locations
                        if report.finished_at >= latest.get(spot.target, report.finished_at)
                    )
                    found.update(dict.fromkeys(consumers_of(replace(seen, locations=valid), report)))
        return tuple(found)

    def _credential(self, new: Credential) -> None:
        fingerprint = new.fingerprint
        if new.inspection is not None:
            self.known_inspections.setdefault(fingerprint, []).append(new.inspection)
        old = self.credentials.get(fingerprint)
        if old is None:
            self.credentials[fingerprint] = new
            return
        believed = "credential" if "credential" in (old.likelihood, new.likelihood) else old.likelihood
        self.credentials[fingerprint] = replace(
            old,
            likelihood=believed,
            locations=ordered((*old.locations, *new.locations)),
            claims=old.claims or new.claims,
            reach=new.reach or old.reach,
            verdict=new.verdict or old.verdict,
        )


STDIN = "-"


@dataclass(frozen=True)
class IncidentInput:
    """What the user named.

    Args:
        inventory: its place; None for the usual one.
        reports: report files, `-` for standard input.
        targets: places in which values are found again.
        keyring: entries of the OS keyring that hold values.
        lines: values, one per line; None if stdin is a terminal or has a report.
    """

    inventory: str | None = None
    reports: Sequence[str] = ()
    targets: Sequence[str] = ()
    keyring: Sequence[str] = ()
    lines: BinaryIO | None = None


def findings(named: IncidentInput, scanner: Scanner, load: Callable[[str], Report]) -> IncidentEvidence:
    """Reads the evidence from the named sources.

    Reports, which `load` reads by name, replace the inventory, unless the inventory is named too. Without an inventory,
    values are enough.

    Raises:
        UsageError: a report can't be read, or the keyring has no entry of a name.
        ConfigurationError: a file is not a report, or there is no safe keyring.
        InventoryError: there is no inventory and no other source, or it can't be read.
    """
    material = IncidentEvidence()
    for path in named.reports:
        from_stdin = path == STDIN
        name = "stdin" if from_stdin else path
        material.report(load(path), f"the report {name}", None if from_stdin else path)
    _values(named, scanner, material)
    if named.inventory is not None or not named.reports:
        try:
            inventory = open_inventory(named.inventory, must_exist=True)
        except InventoryError as error:
            if named.inventory is not None or not material.sources:
                message = f"{error}; or pass --report REPORT.json, or values"
                raise InventoryError(message) from None
        else:
            with inventory:
                _inventory(inventory, material)
    return material


def _values(named: IncidentInput, scanner: Scanner, material: IncidentEvidence) -> None:
    if named.keyring:
        material.handed(credential_input.from_keyring(named.keyring, scanner), "the keyring")
    if named.targets:
        from tokenaudit.audit.auditor import scan  # noqa: PLC0415 - the whole scanner, only with --from

        audit = scan(named.targets)
        material.values.update(audit.secrets)
        material.report(audit.report, f"a scan of {', '.join(named.targets)}")
    if named.lines is not None and not (named.keyring or named.targets):
        material.handed(credential_input.from_lines(named.lines, scanner), "stdin")


def _inventory(database: Inventory, material: IncidentEvidence) -> None:
    material.inventory(database.credentials(), database.secrets())
    latest = {sweep.scope: sweep for sweep in database.sweeps()}
    skipped = [entry for sweep in latest.values() for entry in database.swept(sweep.id).skipped]
    material.sweeps(tuple(latest.values()), [*skipped, *database.damage.skipped()])
