"""Discussions and pull requests of a repository, with what was edited away where the Hub still shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import text
from tokenaudit.hub.repo_listing import Repository
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_MOST_PAGES = 10_000


@dataclass(frozen=True)
class DiscussionText:
    """One text of a discussion: its title, or one version of a comment. `edited_away` says that it is shown no more."""

    where: str
    content: str
    author: str | None
    date: datetime | None
    edited_away: bool = False


def discussions(hub: Hub, repository: Repository, secret: Secret | None) -> list[dict[str, Any]] | Failure:
    """All discussions and pull requests as the listing shows them, open or not."""
    found: list[dict[str, Any]] = []
    for page in range(_MOST_PAGES):
        answer = hub.get(f"/api/{repository.target}/discussions", secret, p=page)
        if isinstance(answer, Failure):
            return answer
        body = answer.body if isinstance(answer.body, dict) else {}
        items = [item for item in body.get("discussions") or () if isinstance(item, dict)]
        found += items
        count = body.get("count")
        if not items or (isinstance(count, int) and len(found) >= count):
            break
    return found


@dataclass(frozen=True)
class Opened:
    """A discussion or pull request as the listing shows it; `title` is a stranger's text.

    One whose date is missing or can't be read counts as new: `date` is then None.
    """

    number: int
    title: str
    author: str | None
    date: datetime | None
    pull_request: bool
    status: str


def opened_since(
    hub: Hub, repository: Repository, secret: Secret | None, since: datetime, *, limit: int
) -> tuple[list[Opened], bool] | Failure:
    """At most `limit` discussions and pull requests opened at or after `since`, and whether there are more.

    The listing is sorted by the time of opening, pinned ones aside, so it is read only up to the first page that holds
    nothing as new.
    """
    found: list[Opened] = []
    for page in range(_MOST_PAGES):
        answer = hub.get(f"/api/{repository.target}/discussions", secret, p=page, sort="recently-created")
        if isinstance(answer, Failure):
            return answer
        body = answer.body if isinstance(answer.body, dict) else {}
        listed = [one for item in body.get("discussions") or () if (one := _opened(item)) is not None]
        fresh = [one for one in listed if one.date is None or one.date >= since]
        found += fresh
        if not fresh or len(found) > limit:
            break
    return found[:limit], len(found) > limit


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


def texts(hub: Hub, repository: Repository, number: int, secret: Secret | None) -> list[DiscussionText] | Failure:
    """Every text of one discussion, older versions of comments included."""
    answer = hub.get(f"/api/{repository.target}/discussions/{number}", secret)
    if isinstance(answer, Failure):
        return answer
    body = answer.body if isinstance(answer.body, dict) else {}
    found = [DiscussionText("title", text(body.get("title")), _author(body), parse_timestamp(body.get("createdAt")))]
    for event in body.get("events") or ():
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
    # Edit history: the client library reads this key, though answers without it were seen on edited comments.
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
