"""Discussions and pull requests opened in repositories that touched credentials could write."""

from __future__ import annotations

from functools import partial

from tokenaudit.hub.client import Hub
from tokenaudit.hub.discussions import Opened, opened_since
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange
from tokenaudit.secret import Secret


def changes(window: TimeWindow, repository: HubRepository, queries: HubQueries) -> list[IncidentChange]:
    """The newest first."""
    where = f"{repository.target}: discussions"
    permission = f"repo.content.read on {repository.target}"
    answer = queries.ask(where, permission, partial(_opened, window, repository), anonymous=True)
    return [
        IncidentChange(
            "pull-request" if one.pull_request else "discussion",
            repository.target,
            one.title,
            one.date,
            one.author,
            str(one.number),
            one.status,
        )
        for one in answer or ()
    ]


def _opened(
    window: TimeWindow, repository: HubRepository, hub: Hub, secret: Secret | None
) -> PagedListing[Opened] | Failure:
    return opened_since(hub, repository, secret, window.since, limit=window.limit)
