"""Events of an organization's audit log that matter after a break-in: tokens, secrets, members, rules, Jobs."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from tokenaudit.hub.audit_log import MOST_EVENTS, Event, LogRead, read_log
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import ChangeKind, IncidentChange
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
_LAST = 4


def last_characters(displays: Mapping[str, str]) -> dict[str, str]:
    """By the last four characters that a display form shows: the fingerprint, where only one credential ends so.

    `displays` are display forms by fingerprint.
    """
    found: dict[str, list[str]] = {}
    for mark, display in displays.items():
        shown = display.rpartition("*")[2]
        if len(shown) == _LAST:
            found.setdefault(shown, []).append(mark)
    return {end: marks[0] for end, marks in found.items() if len(marks) == 1}


def audit_log_changes(
    window: TimeWindow, organization: str, endings: Mapping[str, str], queries: HubQueries
) -> list[IncidentChange]:
    """The events, newest first. `endings` are fingerprints of touched credentials by their last four characters."""
    where = f"{organization}: audit log (tokens, secrets, members)"
    permission = f"a token of an administrator of {organization}, on a Team or Enterprise plan"
    log = queries.ask(where, permission, partial(_read, organization, window, endings))
    if log is None:
        return []
    found, count = log.result
    if log.incomplete:
        queries.skip(where, log.incomplete)
    if not log.reaches(window.since):
        queries.skip(where, f"the Hub exports the last {MOST_EVENTS:,} events only; earlier ones are missing")
    if count > len(found):
        queries.skip(where, f"only the newest {len(found)} of {count} are listed; raise --limit for the rest")
    return [_change(event, organization, endings) for event in found]


def _read(
    organization: str, window: TimeWindow, endings: Mapping[str, str], hub: Hub, secret: Secret | None
) -> LogRead[tuple[list[Event], int]] | Failure:
    return read_log(hub, organization, secret, partial(_selected, window, endings))


def _selected(window: TimeWindow, endings: Mapping[str, str], events: Iterator[Event]) -> tuple[list[Event], int]:
    """The newest events that matter, at most `window.limit`, and how many there are of them in all."""
    count = 0

    def matter() -> Iterator[Event]:
        nonlocal count
        for event in events:
            fresh = event.date is None or event.date >= window.since
            if fresh and (event.type in TYPES or event.last4 in endings):
                count += 1
                yield event

    def newest(event: Event) -> tuple[datetime, str]:
        return event.date or window.since, event.id

    # What a touched token did is never what is cut off.
    stored_secret = heapq.nlargest(window.limit, matter(), key=lambda event: (event.last4 in endings, newest(event)))
    return sorted(stored_secret, key=newest, reverse=True), count


def _change(event: Event, organization: str, endings: Mapping[str, str]) -> IncidentChange:
    kind: ChangeKind = "member" if event.type.startswith(_MEMBERS) else "audit"
    mark = endings.get(event.last4 or "")
    notes = []
    if mark is not None:
        notes.append(f"done with a token that ends in {event.last4}, like an affected one")
    if event.ip or event.place:
        notes.append(f"from {event.ip or 'an address that is not told'}" + (f" ({event.place})" if event.place else ""))
    what = f"{event.type}: {event.message}"
    return IncidentChange(kind, organization, what, event.date, event.author, event.id, "; ".join(notes), mark)
