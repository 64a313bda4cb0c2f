"""An organization's audit log after a break-in: tokens, secrets, members, rules, Jobs, and use of touched tokens."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from tokenaudit.audit_log.aggregate import MOST_LISTED, UsageAggregator
from tokenaudit.audit_log.event import Event
from tokenaudit.audit_log.events import MOST_EVENTS, EventReader
from tokenaudit.audit_log.model import FoundCredential, TokenUse
from tokenaudit.hub.audit_log import PERMISSION, ExportRead, read_export
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import ChangeKind, IncidentChange
from tokenaudit.model import Tool
from tokenaudit.secret import Secret

TYPES: tuple[str, ...] = (
    "org.add_user", "org.change_role", "org.invite.accept", "org.invite.email", "org.invite_user",
    "org.join.automatic", "org.join.from_domain", "org.remove_user", "org.rotate_token", "org.sso_join",
    "org.service_account.create", "org.service_account.token.create", "org.service_account.token.rotate",
    "org.service_account.token.update", "org.settings.network", "org.settings.network.auth_enforcement.disable",
    "org.settings.network.ip_restriction.disable", "org.settings.security.2fa.disable",
    "org.settings.security.auto_join.enable", "org.settings.sso.disable", "org.token_approval.disabled",
    "org.token_approval.authorization_request", "org.token_approval.authorization_request.authorized",
    "org.token_approval.authorization_request.denied", "org.token_approval.authorization_request.revoked",
    "org.update_join_settings", "org.update_settings", "repo.add_secret", "repo.add_secrets",
    "repo.add_trusted_publisher", "repo.add_variable", "repo.add_variables", "repo.create", "repo.delete",
    "repo.delete_lfs_file", "repo.duplication", "repo.move", "repo.remove_secret", "repo.remove_secrets",
    "repo.remove_trusted_publisher", "repo.remove_variable", "repo.remove_variables", "repo.update_secret",
    "repo.update_settings", "repo.update_variable", "resource_group.add_users", "resource_group.change_role",
    "jobs.create", "scheduled_job.create", "scheduled_job.update_schedule", "oauth.token",
)  # fmt: skip
"""Types of events that are listed (source: the Hub's OpenAPI document); others only if an affected token made them."""

_MEMBERS = ("org.add_user", "org.invite.accept", "org.join.", "org.sso_join")


@dataclass(frozen=True)
class TouchedTokens:
    """The fingerprints of touched credentials, and everything that is known of the last four characters of any."""

    fingerprints: Collection[str]
    found: Collection[FoundCredential] = ()

    def by_last4(self) -> dict[str, tuple[str, ...]]:
        """The fingerprints of all credentials with these last four characters, where one of them is touched."""
        fitting: dict[str, dict[str, None]] = {}
        for each in self.found:
            fitting.setdefault(each.last4, {})[each.fingerprint] = None
        touched = frozenset(self.fingerprints)
        return {last4: tuple(fingerprints) for last4, fingerprints in fitting.items() if touched & fingerprints.keys()}


def audit_log_changes(
    window: TimeWindow, organization: str, touched: TouchedTokens, queries: HubQueries
) -> tuple[list[IncidentChange], list[TokenUse]]:
    """The events since the incident, newest first, and the whole use of touched tokens that the log knows."""
    where = f"{organization}: audit log (tokens, secrets, members)"
    permission = PERMISSION.format(organization=organization)
    log = queries.ask(where, permission, partial(_read, organization, window, touched))
    if log is None:
        return [], []
    selected = log.result
    reader = selected.reader
    broken = f"only the first {reader.count:,} events were read: {log.broken}" if log.broken else ""
    incomplete = broken or reader.incomplete
    if incomplete:
        queries.skip(where, incomplete)
    if reader.count >= MOST_EVENTS and (reader.oldest is None or reader.oldest >= window.since):
        queries.skip(where, f"the Hub exports the last {MOST_EVENTS:,} events only; earlier ones are missing")
    found, left = selected.events()
    if left:
        queries.skip(where, f"only the newest {window.limit} of {left + window.limit} are listed; raise --limit")
    uses = [use for use in selected.usage.report(Tool("tokenaudit", "")).tokens if selected.is_touched(use.last4)]
    return [selected.change(event, organization) for event in found], uses


def _read(
    organization: str, window: TimeWindow, touched: TouchedTokens, hub: Hub, secret: Secret | None
) -> ExportRead[_Selected] | Failure:
    def fold(chunks: Iterator[bytes]) -> _Selected:
        selected = _Selected(window, touched.by_last4(), UsageAggregator(organization, touched.found))
        selected.reader = selected.usage.read(organization, chunks, selected.add)
        return selected

    return read_export(hub, organization, secret, fold)


@dataclass
class _Selected:
    """The events of one log that matter: those of `TYPES` in the time window, and all of touched tokens."""

    window: TimeWindow
    by_last4: Mapping[str, tuple[str, ...]]
    usage: UsageAggregator
    reader: EventReader = field(default_factory=lambda: EventReader(()))
    touched: list[Event] = field(default_factory=list)
    _without_last4: list[Event] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)
    _newest: list[tuple[datetime, str, int, Event]] = field(default_factory=list)
    _count: int = 0

    def add(self, event: Event) -> None:
        if event.token_id is not None and event.last4 in self.by_last4:
            self._ids[event.token_id] = event.last4 or ""
        if event.date is not None and event.date < self.window.since:
            return
        if event.last4 in self.by_last4:
            if len(self.touched) < MOST_LISTED:
                self.touched.append(event)
            return
        if event.token_id is not None and event.last4 is None and len(self._without_last4) < MOST_LISTED:
            self._without_last4.append(event)
            return
        if event.type in TYPES:
            self._add_type(event)

    def _add_type(self, event: Event) -> None:
        self._count += 1
        entry = (event.date or self.window.since, event.id, self._count, event)
        if len(self._newest) < self.window.limit:
            heapq.heappush(self._newest, entry)
        else:
            heapq.heappushpop(self._newest, entry)

    def events(self) -> tuple[list[Event], int]:
        """The events, newest first, and how many of those of other tokens are omitted."""
        for event in self._without_last4:
            if event.token_id in self._ids:
                self.touched.append(event)
            elif event.type in TYPES:
                self._add_type(event)
        self._without_last4 = []
        found = [*self.touched, *(entry[-1] for entry in self._newest)]
        found.sort(key=lambda event: (event.date or self.window.since, event.id), reverse=True)
        return found, self._count - len(self._newest)

    def is_touched(self, last4: str | None) -> bool:
        return last4 in self.by_last4

    def change(self, event: Event, organization: str) -> IncidentChange:
        kind: ChangeKind = "member" if event.type.startswith(_MEMBERS) else "audit"
        last4 = event.last4 or self._ids.get(event.token_id or "", "")
        fingerprints = self.by_last4.get(last4, ())
        notes = []
        if fingerprints:
            like = "an affected one" if len(fingerprints) == 1 else f"{len(fingerprints)} known ones"
            notes.append(f"done with a token that ends in {last4}, like {like}")
        if event.ip or event.place:
            place = f" ({event.place})" if event.place else ""
            notes.append(f"from {event.ip or 'an unknown address'}{place}")
        what = f"{event.type}: {event.message}"
        fingerprint = fingerprints[0] if len(fingerprints) == 1 else None
        return IncidentChange(
            kind, organization, what, event.date, event.author, event.id, "; ".join(notes), fingerprint
        )
