"""The newest commits of a repository, as the Hub lists them: `GET /api/{type}s/{repo}/commits/{rev}`.

Who and when are what the commit itself says, and whoever makes a commit can write any name and any date into it.
The order of the listing is git's, which the dates can't change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, listed, text
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_PAGE = 100
_OLDER_IN_A_ROW = 50
"""So many commits dated earlier end the search for newer ones below them."""


@dataclass(frozen=True)
class HubCommit:
    """One commit; `title` and `authors` are strangers' texts.

    `backdated` is True where it says that it is older than `since`, though it stands on a commit that is not.
    """

    id: str
    title: str
    authors: tuple[str, ...]
    date: datetime | None
    backdated: bool = False


def commits_since(
    hub: Hub, repository: HubRepository, branch: str, secret: Secret | None, since: datetime, *, limit: int
) -> PagedListing[HubCommit] | Failure:
    """At most `limit` commits of `branch` made at or after `since`, newest first.

    A commit without a readable date counts as new.
    """

    def enough(items: Sequence[JsonObject]) -> bool:
        older = next((number for number, item in enumerate(reversed(items)) if not _older(item, since)), len(items))
        return older >= _OLDER_IN_A_ROW or len(items) - older > limit

    path = f"/api/{repository.target}/commits/{quote(branch, safe='')}"
    listing = listed(hub, path, secret, {"limit": _PAGE}, enough=enough)
    if isinstance(listing, Failure):
        return listing
    last = max((at for at, item in enumerate(listing) if not _older(item, since)), default=-1)
    found = [_commit(item, since) for item in listing.items[: last + 1]]
    more = f"only the newest {limit} were read; raise --limit for the rest" if len(found) > limit else ""
    return PagedListing(tuple(found[:limit]), "; ".join(filter(None, (more, listing.incomplete))))


def _older(item: JsonObject, since: datetime) -> bool:
    date = parse_timestamp(item.get("date"))
    return date is not None and date < since


def _commit(item: JsonObject, since: datetime) -> HubCommit:
    listed = item.get("authors")
    authors = (
        [text(author.get("user")) for author in listed if isinstance(author, dict)] if isinstance(listed, list) else []
    )
    date = parse_timestamp(item.get("date"))
    return HubCommit(text(item.get("id")), text(item.get("title")), tuple(authors), date, backdated=_older(item, since))
