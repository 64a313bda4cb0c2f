"""Webhooks: the Hub does not tell when one was made, and shows only those of the asking account."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from tokenaudit.hub.namespace import webhooks
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange

_UNDATED = "the Hub does not tell when it was made: is it yours?"


def changes(window: TimeWindow, users: Iterable[str], queries: HubQueries) -> list[IncidentChange]:
    """Every webhook of the asking account; the other accounts of touched credentials are said to be unseen."""
    found: list[IncidentChange] = []
    answer = queries.ask("webhooks of your own account", "user.webhooks.read", webhooks)
    if answer is not None:
        found = [_change(item, queries.account) for item in answer.items[: window.limit]]
        if len(answer) > window.limit:
            queries.skip(
                "webhooks of your own account", f"only {window.limit} of {len(answer)} are listed; raise --limit"
            )
    for user in sorted(set(users) - {queries.account}):
        reason = f"the Hub shows them to {user} only: look at settings/webhooks there, or ask with a token of {user}"
        queries.skip(f"webhooks of {user}", reason)
    return found


def _change(item: JsonObject, account: str | None) -> IncidentChange:
    # A webhook's URL often holds a secret of its own: its host has to do.
    host = urlsplit(text(item.get("url"))).hostname if _parses(text(item.get("url"))) else None
    watched = item.get("watched")
    names = (
        [text(entry.get("name")) for entry in watched if isinstance(entry, dict)] if isinstance(watched, list) else []
    )
    does = f"calls {host}" if host else "starts a Job" if isinstance(item.get("job"), dict) else "calls an odd address"
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
