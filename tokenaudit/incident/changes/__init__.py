"""Changes since an incident began: one module for each kind of place, in the order of their relevance."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

from tokenaudit.audit_log.model import TokenUse
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import invalid_repo_name, is_namespace
from tokenaudit.hub.repo_listing import namespace_kind
from tokenaudit.hub.result import Failure
from tokenaudit.incident.changes.audit_log import TouchedTokens, audit_log_changes
from tokenaudit.incident.changes.namespaces import (
    SpaceSettings,
    job_changes,
    setting_changes,
    settings,
    webhook_changes,
)
from tokenaudit.incident.changes.repositories import commit_changes, discussion_changes, file_changes
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange, ReachedBy
from tokenaudit.interfaces import Progress, Scanner
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class Places:
    """Where to look: writable repositories by harm, Spaces by `owner/name`, namespaces, who is user or organization.

    `namespaces` hold what could be written; of `organizations` all are meant that a touched credential's owner is in.
    """

    repositories: tuple[ReachedBy, ...]
    spaces: Collection[str]
    namespaces: Collection[str]
    users: Collection[str]
    organizations: Collection[str]


@dataclass(frozen=True)
class Answers:
    """What changed, newest first, what each Space (`spaces/owner/name`) keeps today, and the use of touched tokens."""

    changes: tuple[IncidentChange, ...] = ()
    settings: dict[str, SpaceSettings] = field(default_factory=dict)
    usage: tuple[TokenUse, ...] = ()


def ask_all(
    window: TimeWindow,
    places: Places,
    touched: TouchedTokens,
    queries: HubQueries,
    scanner: Scanner,
    progress: Progress,
) -> Answers:
    """Everything that can be asked about `places`."""
    found: list[IncidentChange] = []
    today: dict[str, SpaceSettings] = {}
    spaces = _bounded("secrets and variables of more Spaces", places.spaces, window, queries)
    repositories = window.repositories(list(places.repositories), queries)
    namespaces = [name for name in sorted(places.namespaces) if is_namespace(name)]
    progress.start("checking for changes", len(spaces) + len(repositories) + len(namespaces))
    for space in spaces:
        if "/" not in space or invalid_repo_name(space) is not None:
            queries.skip(f"spaces/{space}", "invalid Space name")
        else:
            today[f"spaces/{space}"] = settings(space, queries, scanner)
            found += setting_changes(window, today[f"spaces/{space}"])
        progress.advance()
    for repository in repositories:
        if repository.type == "bucket":
            found += file_changes(window, repository, queries)
        else:
            found += commit_changes(window, repository, queries)
            found += discussion_changes(window, repository, queries)
        progress.advance()
    for namespace in namespaces:
        found += job_changes(window, namespace, queries)
        progress.advance()
    if places.users:
        found += webhook_changes(window, places.users, queries)
    usage: list[TokenUse] = []
    for organization in _organizations(places, queries):
        logged, used = audit_log_changes(window, organization, touched, queries)
        found += logged
        usage += used
    undated = [change for change in found if change.at is None]
    dated = sorted((c for c in found if c.at is not None), key=lambda c: (c.at or window.since, c.where, c.id or ""))
    return Answers((*reversed(dated), *undated), today, tuple(usage))


def _organizations(places: Places, queries: HubQueries) -> list[str]:
    """Known organizations, and namespaces that the Hub identifies as one."""
    found = {name for name in places.organizations if is_namespace(name)}
    for name in sorted(set(places.namespaces) - set(places.users) - found):
        if is_namespace(name):
            kind = queries.ask(f"whether {name} is an organization", "nothing", partial(_kind, name), anonymous=True)
            found |= {name} if kind == "org" else set()
    return sorted(found)


def _kind(name: str, hub: Hub, secret: Secret | None) -> str | Failure:
    return namespace_kind(hub, name, secret)


def _bounded(what: str, names: Iterable[str], window: TimeWindow, queries: HubQueries) -> list[str]:
    ordered = sorted(names)
    if len(ordered) > window.limit:
        queries.skip(what, f"only {window.limit} of {len(ordered)} were checked; raise --limit for the rest")
    return ordered[: window.limit]
