"""The inventory as JSON (`tokenaudit/inventory/1`) and as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tokenaudit.inventory.check import CheckResult
from tokenaudit.inventory.model import Difference, KnownCredential, Sweep
from tokenaudit.json_text import json_text
from tokenaudit.model import Location, SecretName, ServiceAccount, ServiceToken, Skipped
from tokenaudit.redaction import mask, masked
from tokenaudit.text import count, visible
from tokenaudit.timestamps import rfc3339

SCHEMA = "tokenaudit/inventory/1"


def as_json(
    known: Sequence[KnownCredential],
    secrets: Sequence[SecretName],
    sweeps: Sequence[Sweep] = (),
    skipped: Sequence[Skipped] = (),
    accounts: Sequence[ServiceAccount] = (),
) -> str:
    """Return the output of `inventory list --format json` and `inventory export`; `skipped` are the damaged rows."""
    document: dict[str, object] = {
        "schema": SCHEMA,
        "credentials": [_credential(entry) for entry in known],
        "secrets": [_builtin(secret) for secret in secrets],
        "service_accounts": [_builtin(account) for account in accounts],
        "sweeps": [_builtin(sweep) for sweep in sweeps],
        "skipped": [_builtin(entry) for entry in skipped],
    }
    return _written(document)


def diff_as_json(differences: Sequence[Difference]) -> str:
    """Return the output of `inventory diff --format json`: credentials in the same format, each with its `change`."""
    changed = [
        {"change": entry.change, "changed_locations": _builtin(entry.locations), **_credential(entry.known)}
        for entry in differences
    ]
    return _written({"schema": SCHEMA, "credentials": changed})


def as_text(
    known: Sequence[KnownCredential], secrets: Sequence[SecretName], accounts: Sequence[ServiceAccount] = ()
) -> str:
    """Return one line per credential, per secret name and per token of a service account."""
    lines = [_line(entry) for entry in known if entry.credential.likelihood == "credential"]
    lines += [_secret_line(secret) for secret in secrets]
    lines += [_token_line(account, token) for account in accounts for token in account.tokens]
    return "\n".join(lines) + "\n" if lines else "the inventory is empty\n"


def diff_as_text(differences: Sequence[Difference]) -> str:
    """Return one line per change, followed by its locations."""
    lines = []
    for entry in differences:
        lines.append(f"{entry.change:9}  {_line(entry.known)}")
        lines += [f"           {_spot(location)}" for location in entry.locations]
    return "\n".join(lines) + "\n" if lines else "no changes\n"


def detail_as_text(known: KnownCredential) -> str:
    """Return everything about one credential."""
    lines = [_line(known)]
    inspection = known.credential.inspection
    if inspection is not None:
        who = f", {inspection.account.type} {inspection.account.name}" if inspection.account else ""
        lines.append(f"  {inspection.status}{who}, role {inspection.role}, checked {_time(inspection.checked_at)}")
    if known.credential.verdict is not None:
        lines += [f"  {r.severity.value}: {r.rule}: {r.message}" for r in known.credential.verdict.reasons]
    lines += [f"  {_spot(location)}" for location in known.credential.locations]
    return plain("\n".join(lines)) + "\n"


def sweeps_as_text(sweeps: Sequence[Sweep]) -> str:
    """Return one line per sweep."""
    lines = []
    for sweep in sweeps:
        ended = "unfinished" if sweep.finished_at is None else "complete" if sweep.complete else "incomplete"
        names = " ".join(sweep.namespaces)
        lines.append(f"{sweep.id}  {_time(sweep.started_at)}  {ended}  {names}")
    return plain("\n".join(lines)) + "\n" if lines else "no sweep yet\n"


def check_as_json(checked: CheckResult) -> str:
    """Return the output of `inventory check --format json`."""
    return _written(
        {"schema": SCHEMA, "rows": checked.rows, "sound": checked.sound, "damaged": _builtin(checked.damaged)}
    )


def check_as_text(checked: CheckResult) -> str:
    """Return one line per damaged row, then the counts."""
    lines = [
        f"{row.table} {row.row}: {row.reason}: {row.repair or 'not repairable; restore the inventory from a backup'}"
        for row in checked.damaged
    ]
    left = sum(row.repair is None for row in checked.damaged)
    lines.append(f"{count(checked.rows, 'row')} verified, {len(checked.damaged)} damaged, {left} not repaired")
    return plain("\n".join(lines)) + "\n"


def plain(text: str) -> str:
    """Return `text` without credentials, and with all control characters except line feeds escaped."""
    return "\n".join(visible(line) for line in mask(text).split("\n"))


def _line(known: KnownCredential) -> str:
    credential = known.credential
    severity = credential.verdict.severity.value if credential.verdict else "unjudged"
    status = credential.inspection.status if credential.inspection else "not inspected"
    where = "here" if known.present else "gone"
    spots = len(credential.locations)
    return plain(
        f"{credential.fingerprint}  {credential.display}  {credential.kind}  {severity}  {status}  {where}  "
        f"{spots} {'place' if spots == 1 else 'places'}  seen {_time(known.first_seen)} to {_time(known.last_seen)}"
    )


def _secret_line(secret: SecretName) -> str:
    age = f"set {_time(secret.updated_at)}" if secret.updated_at else "age unknown"
    return plain(f"{secret.kind}  {secret.target}  {secret.name}  {age}")


def _token_line(account: ServiceAccount, token: ServiceToken) -> str:
    end = f"  …{token.last4}" if token.last4 else ""
    used = f"last used {_time(token.last_used_at)}  expires {_time(token.expires_at)}"
    return plain(f"service-token  {account.organization}  {account.name}  {token.name}{end}  {used}")


def _spot(location: Location) -> str:
    numbers = [str(number) for number in (location.line, location.column) if number is not None]
    place = ":".join([location.path or location.source, *numbers])
    return plain(f"{location.source}  {location.target}  {place}")


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else rfc3339(moment)


def _credential(entry: KnownCredential) -> dict[str, object]:
    written: dict[str, object] = msgspec.to_builtins(masked(entry.credential))
    times = {"first_seen": _time(entry.first_seen), "last_seen": _time(entry.last_seen)}
    return {**written, **times, "present": entry.present}


def _builtin(value: object) -> object:
    return msgspec.to_builtins(masked(value))


def _written(document: dict[str, object]) -> str:

    return json_text(document)
