"""The use of an organization's tokens: audit logs joined with what sweeps, reports and the Hub know of the tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tokenaudit.audit_log.aggregate import UsageAggregator
from tokenaudit.audit_log.events import EventReader, NotALogError
from tokenaudit.audit_log.model import KnownToken, UsageReport
from tokenaudit.errors import InventoryError, UsageError
from tokenaudit.hub import service_accounts
from tokenaudit.hub.audit_log import EVENT_TYPES, PERMISSION, ExportRead, read_export
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.repo_access import is_namespace
from tokenaudit.hub.repo_listing import jobs
from tokenaudit.hub.result import TRANSIENT, Failure
from tokenaudit.incident.evidence import IncidentEvidence
from tokenaudit.interfaces import NullProgress, Progress
from tokenaudit.inventory import open_inventory
from tokenaudit.model import Report, SecretName, ServiceAccount, Skipped, Tool
from tokenaudit.secret import Secret
from tokenaudit.text import parse_fingerprint

EXPORT_ATTEMPTS = 3
"""How often an export that breaks off is read as a whole before it is read by type of event."""

_JOB_TOKEN = re.compile(r"token ([0-9a-f]{24}) of ")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_LAST = 4
_SHORTEST_FINGERPRINT = 6


@dataclass(frozen=True)
class UsageInput:
    """What the user named.

    Args:
        organization: its name.
        tokens: fingerprints, last four characters and token IDs; empty for all tokens.
        logs: names and contents of log files; empty for the Hub's export.
        inventory: its place; None for the usual one.
        reports: report files.
    """

    organization: str
    tokens: Sequence[str] = ()
    logs: Sequence[tuple[str, Iterable[bytes]]] = ()
    inventory: str | None = None
    reports: Sequence[str] = ()


def token_usage(
    named: UsageInput,
    hub: Callable[[], Hub],
    load: Callable[[str], Report],
    tool: Tool,
    progress: Progress | None = None,
) -> UsageReport:
    """What the organization's audit log says of the use of its tokens.

    `hub` is called only if there are no log files, `load` reads reports.

    Raises:
        UsageError: a name is invalid, a log or report can't be read, or there is no token to ask the Hub with.
        ConfigurationError: a report is none, or the auditor's token can't be read.
        InventoryError: the named inventory can't be read.
        EndpointError: the Hub's address is not one a credential may be sent to.
    """
    if not is_namespace(named.organization):
        message = f"invalid organization name: {named.organization!r}"
        raise UsageError(message)
    material, accounts, skipped = _evidence(named, load)
    credentials = material.found_credentials()
    wanted = [_wanted(name, {each.fingerprint for each in credentials}) for name in named.tokens]
    aggregator = UsageAggregator(named.organization, credentials, _jobs_of(material.secrets.values()))
    aggregator.known += _tokens_of(accounts)
    aggregator.skipped += skipped
    if named.logs:
        for name, chunks in named.logs:
            _read_file(aggregator, name, chunks)
    else:
        _ask(aggregator, hub(), progress or NullProgress())
    return aggregator.report(tool, tuple(dict.fromkeys(wanted)), material.sources)


def _evidence(
    named: UsageInput, load: Callable[[str], Report]
) -> tuple[IncidentEvidence, list[ServiceAccount], list[Skipped]]:
    """What is known of credentials, Jobs and service accounts, and what of it could not be read.

    Reports take the place of the inventory, unless that is named too.
    """
    material = IncidentEvidence()
    accounts: list[ServiceAccount] = []
    for path in named.reports:
        report = load(path)
        material.report(report, f"the report {path}", path)
        accounts += report.service_accounts
    skipped: list[Skipped] = []
    if named.inventory is not None or not named.reports:
        try:
            inventory = open_inventory(named.inventory, must_exist=True)
        except InventoryError:
            if named.inventory is not None:
                raise
        else:
            with inventory:
                material.inventory(inventory.credentials(), inventory.secrets())
                accounts += inventory.service_accounts()
                skipped += inventory.damage.skipped()
    return material, accounts, skipped


def _wanted(name: str, known: Iterable[str]) -> str:
    """`name` as it is compared with tokens.

    Raises:
        UsageError: it is not a fingerprint that is known, last four characters or the ID of a token.
    """
    name = name.strip()
    if len(name) == _LAST or _OBJECT_ID.fullmatch(name):
        return name
    try:
        fingerprint = parse_fingerprint(name, shortest=_SHORTEST_FINGERPRINT)
    except UsageError:
        message = (
            "--token takes a fingerprint (at least 6 hex digits), the last four characters of a token, or a token ID "
            "(24 hex digits)"
        )
        raise UsageError(message) from None
    if not any(each.startswith(fingerprint) for each in known):
        message = (
            f"no sweep or report knows the credential {fingerprint}, so its last four characters are not known; "
            "pass --report REPORT.json, or the last four characters"
        )
        raise UsageError(message)
    return fingerprint


def _jobs_of(secrets: Iterable[SecretName]) -> Iterator[KnownToken]:
    """The tokens of Jobs that a sweep recorded."""
    for secret in secrets:
        found = _JOB_TOKEN.match(secret.description or "") if secret.kind == "job-token" else None
        if found is not None:
            scheduled = secret.target.startswith("scheduled-jobs/")
            yield KnownToken(found[1], "scheduled-job" if scheduled else "job", secret.target)


def _tokens_of(accounts: Iterable[ServiceAccount]) -> Iterator[KnownToken]:
    """The tokens of service accounts that a sweep recorded."""
    for account in accounts:
        for token in account.tokens:
            where = f"{account.organization}/{account.name}" if account.organization else account.name
            yield KnownToken(token.id, "service-account", where, token.name)


def _read_file(aggregator: UsageAggregator, name: str, chunks: Iterable[bytes]) -> None:
    try:
        reader = aggregator.read(name, chunks)
    except NotALogError as error:
        message = f"{name} is not an audit log ({error}); pass the JSON that the organization's audit log page exports"
        raise UsageError(message) from None
    except OSError as error:
        message = f"{name} can't be read: {error.strerror or error}; pass an exported audit log"
        raise UsageError(message) from None
    if reader.incomplete:
        aggregator.skipped.append(Skipped(name, reader.incomplete))


def _ask(aggregator: UsageAggregator, hub: Hub, progress: Progress) -> None:
    own = hub.own
    if own is None:
        message = (
            f"reading the audit log of {aggregator.organization} needs a token: set HF_TOKEN, store one with "
            "`tokenaudit auth set hf`, or pass --log FILE"
        )
        raise UsageError(message)
    if not _Export(aggregator, hub, own.secret, progress).read():
        return
    if aggregator.unknown_ids():
        _learn_jobs(aggregator, hub, own.secret)
    if aggregator.unknown_ids():
        _learn_service_accounts(aggregator, hub, own.secret)


@dataclass
class _Export:
    """Reads the export of the Hub as a whole, and in parts if that fails.

    The API selects events by type, not by time: parts are the events of one type.
    """

    aggregator: UsageAggregator
    hub: Hub
    secret: Secret
    progress: Progress

    def read(self) -> bool:
        """Add the events; return whether any could be read. What is missing is in the aggregator's `skipped`."""
        self.progress.start("reading the audit log", 1)
        reason = ""
        received = False
        for _ in range(EXPORT_ATTEMPTS):
            export = self._part("")
            if isinstance(export, Failure):
                if export.kind not in TRANSIENT | {"oversized"}:
                    self._skip("", needs(export, PERMISSION.format(organization=self.aggregator.organization)))
                    return received
                reason = reason or needs(export, "")
                break
            received = True
            reader = export.result
            if not export.broken and not reader.broken:
                if reader.incomplete:
                    self._skip("", reader.incomplete)
                self.progress.advance()
                return True
            reason = f"only the first {reader.count:,} events were read: {export.broken or reader.broken}"
        self.progress.advance()
        return self._by_type(reason) or received

    def _by_type(self, reason: str) -> bool:
        types = sorted({*EVENT_TYPES, *self.aggregator.types()})
        self.progress.start("reading the audit log by type of event", len(types))
        failed: dict[str, str] = {}
        for number, kind in enumerate(types):
            part = self._part(f"type:{kind}")
            if isinstance(part, Failure):
                failed[kind] = needs(part, PERMISSION.format(organization=self.aggregator.organization))
            elif part.broken or part.result.broken:
                failed[kind] = part.broken or part.result.broken
            self.progress.advance()
            if len(failed) == number + 1 and (number or isinstance(part, Failure)):
                self._skip("", reason)  # parts fail as the whole does
                return False
        for kind, why in failed.items():
            self._skip(f", events of type {kind}", why)
        self._skip("", f"{reason}; events of types that this version does not know can be missing")
        return True

    def _part(self, query: str) -> ExportRead[EventReader] | Failure:
        name = f"the export of {self.aggregator.organization}{f' ({query})' if query else ''}"
        return read_export(
            self.hub, self.aggregator.organization, self.secret, partial(self.aggregator.read, name), query
        )

    def _skip(self, what: str, reason: str) -> None:
        self.aggregator.skipped.append(Skipped(f"{self.aggregator.organization}: audit log{what}", reason))


def _learn_jobs(aggregator: UsageAggregator, hub: Hub, secret: Secret) -> None:
    organization = aggregator.organization
    for kind in ("jobs", "scheduled-jobs"):
        answer = jobs(hub, organization, "jobs" if kind == "jobs" else "scheduled-jobs", secret)
        if isinstance(answer, Failure):
            reason = needs(answer, f"job.write on {organization}")
            aggregator.skipped.append(Skipped(f"tokens of {kind} of {organization}", reason))
            continue
        if answer.incomplete:
            aggregator.skipped.append(Skipped(f"tokens of {kind} of {organization}", answer.incomplete))
        for item in answer:
            spec = item.get("jobSpec") if kind == "scheduled-jobs" else item
            carried = spec.get("hfToken") if isinstance(spec, dict) else None
            token_id = text(carried.get("tokenId")) if isinstance(carried, dict) else ""
            if token_id:
                where = f"{kind}/{organization}/{text(item.get('id')) or 'unnamed'}"
                aggregator.known.append(KnownToken(token_id, "job" if kind == "jobs" else "scheduled-job", where))


def _learn_service_accounts(aggregator: UsageAggregator, hub: Hub, secret: Secret) -> None:
    organization = aggregator.organization
    where, permission = f"service accounts of {organization}", f"{service_accounts.READ_PERMISSION} on {organization}"
    listing = service_accounts.accounts(hub, organization, secret)
    if isinstance(listing, Failure):
        aggregator.skipped.append(Skipped(where, needs(listing, permission)))
        return
    if listing.incomplete:
        aggregator.skipped.append(Skipped(where, listing.incomplete))
    for row in listing:
        name = text(row.get("name")) or text(row.get("_id"))
        answer = service_accounts.account(hub, organization, text(row.get("_id")), secret)
        if isinstance(answer, Failure):
            aggregator.skipped.append(Skipped(f"tokens of {name} ({where})", needs(answer, permission)))
            if answer.kind == "unavailable":
                return
            continue
        tokens = answer.get("accessTokens")
        if not isinstance(tokens, list):
            aggregator.skipped.append(Skipped(f"tokens of {name} ({where})", "the Hub returned no list of them"))
            continue
        for token in tokens:
            token_id = text(token.get("_id")) if isinstance(token, dict) else ""
            if token_id:
                owner = f"{organization}/{name}"
                known = KnownToken(token_id, "service-account", owner, text(token.get("displayName")))
                aggregator.known.append(known)
