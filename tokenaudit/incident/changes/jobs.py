"""Jobs and schedules made since: they run arbitrary code, and may carry a token."""

from __future__ import annotations

from functools import partial
from typing import Literal

from tokenaudit.hub.client import Hub
from tokenaudit.hub.namespace import jobs
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


def changes(window: TimeWindow, namespace: str, queries: HubQueries) -> list[IncidentChange]:
    """The newest first. Commands and environments are left out: they may hold values."""
    found: list[IncidentChange] = []
    for listing, kind in _KINDS:
        where = f"{listing}/{namespace}"
        items = queries.ask(where, f"job.write on {namespace}", partial(_jobs, namespace, listing)) or ()
        made = [(parse_timestamp(item.get("createdAt")), item) for item in items]
        fresh = [_change(kind, where, item) for at, item in made if at is None or at >= window.since]
        fresh.sort(key=lambda change: (change.at or window.since, change.id or ""), reverse=True)
        if len(fresh) > window.limit:
            queries.skip(
                where, f"only the newest {window.limit} of {len(fresh)} are listed; raise --limit for the rest"
            )
        found += fresh[: window.limit]
    return found


def _change(kind: ChangeKind, where: str, item: JsonObject) -> IncidentChange:
    spec = _part(item, "jobSpec") or item
    runs = text(spec.get("dockerImage")) or text(spec.get("spaceId")) or "an image that the Hub does not name"
    by = text(_part(item, "createdBy").get("name")) or text(_part(item, "initiator").get("name")) or None
    carried = _part(spec, "hfToken")
    note = ""
    if carried:
        role, owner = text(carried.get("tokenRole")) or "unknown", text(carried.get("ownerName"))
        note = f"carries the token {text(carried.get('tokenId')) or '(without id)'} of {owner}, role {role}"
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
