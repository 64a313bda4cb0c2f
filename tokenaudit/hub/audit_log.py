"""An organization's audit log: `GET /api/organizations/{name}/audit-log/export`.

Source: the Hub's OpenAPI document: an array of the last 100,000 events, for Team and Enterprise organizations; `q`
filters, by `type:…` among others, but not by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, listed, objects, text
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

MOST_EVENTS = 100_000
"""What the export is limited to."""


@dataclass(frozen=True)
class Event:
    """One event; `message` and `author` are strangers' texts.

    `last4` are the last four characters of the access token that was used, `token_id` its id at the Hub.
    """

    id: str
    type: str
    message: str
    author: str | None
    date: datetime | None
    ip: str | None = None
    place: str | None = None
    token_id: str | None = None
    last4: str | None = None


@dataclass(frozen=True)
class Log:
    """The events from a moment on, newest first. `cut` is True where older ones of them may be lost to the limit."""

    events: tuple[Event, ...]
    cut: bool = False


def events_since(
    hub: Hub, organization: str, secret: Secret | None, since: datetime, *, types: Sequence[str] = ()
) -> Log | Failure:
    """All events at or after `since`; where the whole export is too large for one answer, only those of `types`."""
    path = f"/api/organizations/{organization}/audit-log/export"
    answer = listed(hub, path, secret)
    if isinstance(answer, Failure) and answer.trouble != "oversized":
        return answer
    parts = [answer]
    if isinstance(answer, Failure):
        parts = [listed(hub, path, secret, {"q": f"type:{name}"}) for name in types]
    events: list[Event] = []
    cut = False
    for part in parts:
        if isinstance(part, Failure):
            return part
        read = [_event(item) for item in objects(part)]
        fresh = [event for event in read if event.date is None or event.date >= since]
        cut = cut or (len(read) >= MOST_EVENTS and len(fresh) == len(read))
        events += fresh
    unique = {(event.id, event.date, event.type): event for event in events}
    ordered = sorted(unique.values(), key=lambda event: (event.date or since, event.id), reverse=True)
    return Log(tuple(ordered), cut)


def _event(item: JsonObject) -> Event:
    author, token, location = (_part(item, key) for key in ("author", "token", "location"))
    return Event(
        text(item.get("_id")),
        text(item.get("type")),
        text(item.get("message")),
        text(author.get("user")) or None,
        parse_timestamp(item.get("createdAt")),
        text(item.get("ip")) or None,
        text(location.get("formatted")) or None,
        text(token.get("id")) or None,
        text(token.get("last4")) or None,
    )


def _part(item: JsonObject, key: str) -> JsonObject:
    part = item.get(key)
    return part if isinstance(part, dict) else {}
