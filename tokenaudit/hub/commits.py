"""The newest commits of a repository, as the Hub lists them: `GET /api/{type}s/{repo}/commits/{rev}`.

Who and when are what the commit itself says, and whoever makes a commit can write any name and any date into it.
The order of the listing is git's, which the dates can't change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.hub.repo_listing import Repository
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

SECONDS = 120.0
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
    hub: Hub, repository: Repository, branch: str, secret: Secret | None, since: datetime, *, limit: int
) -> tuple[list[HubCommit], bool] | Failure:
    """At most `limit` commits of `branch` made at or after `since`, newest first, and whether there may be more.

    A commit without a readable date counts as new.
    """
    path = f"/api/{repository.target}/commits/{quote(branch, safe='')}"

    def fetch(api: object, token: Token) -> object:
        del api
        from huggingface_hub.utils._pagination import paginate  # noqa: PLC0415 - heavy

        read: list[JsonObject] = []
        older = 0
        for item in paginate(hub.endpoint + path, params={"limit": _PAGE}, headers=hub.headers(token)):
            if isinstance(item, dict):
                read.append(item)
                older = older + 1 if _older(item, since) else 0
            if older >= _OLDER_IN_A_ROW or len(read) - older > limit:
                break
        return read

    answer = hub.ask(fetch, secret, deadline=SECONDS, listing=True)
    if isinstance(answer, Failure):
        return answer
    items: list[JsonObject] = answer.body
    last = max((at for at, item in enumerate(items) if not _older(item, since)), default=-1)
    found = [_commit(item, since) for item in items[: last + 1]]
    return found[:limit], len(found) > limit


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
