"""Jobs, schedules and webhooks of a namespace: they run code, can have a token, or are called on every change."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from tokenaudit.hub.client import Hub
from tokenaudit.hub.namespace import jobs, webhooks
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import ChangeKind, IncidentChange
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_KINDS: tuple[tuple[Literal["jobs", "scheduled-jobs"], ChangeKind], ...] = (
    ("jobs", "job"),
    ("scheduled-jobs", "scheduled-job"),
)


def job_changes(window: TimeWindow, namespace: str, queries: HubQueries) -> list[IncidentChange]:
    """The newest first. Commands and environments are left out: they may hold values."""
    found: list[IncidentChange] = []
    for listing, kind in _KINDS:
        where = f"{listing}/{namespace}"
        items = queries.ask(where, f"job.write on {namespace}", partial(_jobs, namespace, listing)) or ()
        made = [(parse_timestamp(item.get("createdAt")), item) for item in items]
        fresh = [_job(kind, where, item) for at, item in made if at is None or at >= window.since]
        fresh.sort(key=lambda change: (change.at or window.since, change.id or ""), reverse=True)
        if len(fresh) > window.limit:
            queries.skip(
                where, f"only the newest {window.limit} of {len(fresh)} are listed; raise --limit for the rest"
            )
        found += fresh[: window.limit]
    return found


def _job(kind: ChangeKind, where: str, item: JsonObject) -> IncidentChange:
    spec = _part(item, "jobSpec") or item
    runs = text(spec.get("dockerImage")) or text(spec.get("spaceId")) or "unknown image"
    by = text(_part(item, "createdBy").get("name")) or text(_part(item, "initiator").get("name")) or None
    carried = _part(spec, "hfToken")
    note = ""
    if carried:
        role, owner = text(carried.get("tokenRole")) or "unknown", text(carried.get("ownerName"))
        note = f"has token {text(carried.get('tokenId')) or '(without id)'} of {owner}, role {role}"
    return IncidentChange(
        kind, where, f"runs {runs}", parse_timestamp(item.get("createdAt")), by, text(item.get("id")) or None, note
    )


def _part(item: JsonObject, key: str) -> JsonObject:
    part = item.get(key)
    return part if isinstance(part, dict) else {}


def _jobs(
    namespace: str, listing: Literal["jobs", "scheduled-jobs"], hub: Hub, secret: Secret | None
) -> PagedListing[JsonObject] | Failure:
    return jobs(hub, namespace, listing, secret)


_UNDATED = "creation date unknown; check whether it is yours"


def webhook_changes(window: TimeWindow, users: Iterable[str], queries: HubQueries) -> list[IncidentChange]:
    """Every webhook of the asking account, undated: the Hub does not tell when one was made.

    The other accounts of affected credentials are reported as skipped.
    """
    found: list[IncidentChange] = []
    answer = queries.ask("webhooks of your own account", "user.webhooks.read", webhooks)
    if answer is not None:
        found = [_webhook(item, queries.account) for item in answer.items[: window.limit]]
        if len(answer) > window.limit:
            queries.skip(
                "webhooks of your own account", f"only {window.limit} of {len(answer)} are listed; raise --limit"
            )
    for user in sorted(set(users) - {queries.account}):
        reason = f"visible to {user} only; check settings/webhooks there, or use a token of {user}"
        queries.skip(f"webhooks of {user}", reason)
    return found


def _webhook(item: JsonObject, account: str | None) -> IncidentChange:
    # A webhook's URL often holds a secret of its own: its host has to do.
    host = urlsplit(text(item.get("url"))).hostname if _parses(text(item.get("url"))) else None
    watched = item.get("watched")
    names = (
        [text(entry.get("name")) for entry in watched if isinstance(entry, dict)] if isinstance(watched, list) else []
    )
    does = (
        f"calls {host}" if host else "starts a Job" if isinstance(item.get("job"), dict) else "calls an unusual address"
    )
    what = f"{does} for {', '.join(names) or 'nothing'}" + (", disabled" if item.get("disabled") else "")
    return IncidentChange(
        "webhook",
        f"webhooks/{account or 'your own account'}",
        what,
        None,
        account,
        text(item.get("id")) or None,
        _UNDATED,
    )


def _parses(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True
