"""Discussions and pull requests of a repository, including edited text where the Hub still returns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, all_pages, malformed, text, with_items
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp


@dataclass(frozen=True)
class DiscussionText:
    """One text of a discussion: its title, or a version of a comment. `edited_away` marks a replaced version."""

    where: str
    content: str
    author: str | None
    date: datetime | None
    edited_away: bool = False


def discussions(hub: Hub, repository: HubRepository, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return all discussions and pull requests, open or closed, as listed."""
    return _listed(hub, repository, secret)


def _listed(
    hub: Hub,
    repository: HubRepository,
    secret: Secret | None,
    enough: Callable[[Sequence[JsonObject]], bool] | None = None,
    **params: str,
) -> PagedListing[JsonObject] | Failure:
    """Return the listing, whose pages are numbered and have no `Link` headers."""
    count: int | None = None
    read = 0

    def page(number: str) -> tuple[list[JsonObject], str | None] | Failure:
        nonlocal count, read
        answer = hub.get(f"/api/{repository.target}/discussions", secret, p=int(number), **params)
        if isinstance(answer, Failure):
            return answer
        body = answer.body if isinstance(answer.body, dict) else {}
        items = body.get("discussions")
        if not isinstance(items, list):
            return malformed("a list of discussions", answer.status)
        count = body["count"] if isinstance(body.get("count"), int) else count
        read += len(items)
        return items, None if count is not None and read >= count else str(int(number) + 1)

    listing = all_pages("0", page, enough=enough)
    if isinstance(listing, Failure):
        return listing
    found: PagedListing[JsonObject] = with_items(listing, [item for item in listing if isinstance(item, dict)])
    if not found.incomplete and enough is None and count is not None and read < count:
        return replace(found, incomplete=f"only {read:,} of {count:,} are listed")
    return found


@dataclass(frozen=True)
class Opened:
    """A discussion or pull request as listed; `title` is untrusted text.

    `date` is None if it is missing or can't be parsed; the discussion then counts as new.
    """

    number: int
    title: str
    author: str | None
    date: datetime | None
    pull_request: bool
    status: str


def opened_since(
    hub: Hub, repository: HubRepository, secret: Secret | None, since: datetime, *, limit: int
) -> PagedListing[Opened] | Failure:
    """Return at most `limit` discussions and pull requests opened at or after `since`.

    The listing is sorted by opening time except for pinned ones, so it is read up to the first page without a
    discussion that new.
    """
    page_ends = 0

    def enough(items: Sequence[JsonObject]) -> bool:
        nonlocal page_ends
        latest, page_ends = items[page_ends:], len(items)
        fresh = [one for item in items if (one := _opened(item)) and _is_fresh(one, since)]
        return len(fresh) > limit or not any((one := _opened(item)) and _is_fresh(one, since) for item in latest)

    listing = _listed(hub, repository, secret, enough, sort="recently-created")
    if isinstance(listing, Failure):
        return listing
    found = [one for item in listing if (one := _opened(item)) and _is_fresh(one, since)]
    more = f"only the newest {limit} were read; raise --limit for the rest" if len(found) > limit else ""
    return PagedListing(tuple(found[:limit]), "; ".join(filter(None, (more, listing.incomplete))))


def _is_fresh(one: Opened, since: datetime) -> bool:
    return one.date is None or one.date >= since


def _opened(item: object) -> Opened | None:
    if not isinstance(item, dict):
        return None
    number, date = item.get("num"), parse_timestamp(item.get("createdAt"))
    if not isinstance(number, int):
        return None
    return Opened(
        number,
        text(item.get("title")),
        _author(item),
        date,
        item.get("isPullRequest") is True,
        text(item.get("status")),
    )


def texts(hub: Hub, repository: HubRepository, number: int, secret: Secret | None) -> list[DiscussionText] | Failure:
    """Return every text of one discussion, including older versions of comments."""
    answer = hub.get(f"/api/{repository.target}/discussions/{number}", secret)
    if isinstance(answer, Failure):
        return answer
    body = answer.body
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        return malformed("a discussion", answer.status)
    found = [DiscussionText("title", text(body.get("title")), _author(body), parse_timestamp(body.get("createdAt")))]
    for event in body["events"]:
        if isinstance(event, dict):
            found += _of_event(event)
    return found


def _of_event(event: dict[str, Any]) -> Iterator[DiscussionText]:
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    where = f"{text(event.get('type')) or 'event'} {text(event.get('id'))}".strip()
    author, date = _author(event), parse_timestamp(event.get("createdAt"))
    latest = data.get("latest")
    shown = text(latest.get("raw")) if isinstance(latest, dict) else ""
    if shown:
        yield DiscussionText(where, shown, author, date)
    # Edit history: the client library reads this key, but responses without it were observed for edited comments.
    for version in data.get("history") or ():
        raw = text(version.get("raw")) if isinstance(version, dict) else ""
        if raw and raw != shown:
            yield DiscussionText(
                where, raw, author, parse_timestamp(version.get("updatedAt")) or date, edited_away=True
            )
    for key in ("from", "to", "subject", "oid"):
        if text(data.get(key)):
            yield DiscussionText(f"{where} {key}", text(data[key]), author, date)


def _author(holder: dict[str, Any]) -> str | None:
    author = holder.get("author")
    return (text(author.get("name")) or None) if isinstance(author, dict) else None
