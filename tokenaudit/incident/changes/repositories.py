"""Commits, discussions and files put into what touched credentials could write."""

from __future__ import annotations

from functools import partial

from tokenaudit.hub.client import Hub
from tokenaudit.hub.discussions import Opened, opened_since
from tokenaudit.hub.download import BucketFile, files
from tokenaudit.hub.repo_listing import HubCommit, HubRepository, commits_since, refs
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange
from tokenaudit.secret import Secret

_HEADS = "refs/heads/"
_MOST_BRANCHES = 10


def commit_changes(window: TimeWindow, repository: HubRepository, queries: HubQueries) -> list[IncidentChange]:
    """Every commit once, whichever of the branches it is on."""
    permission = f"repo.content.read on {repository.target}"
    named = queries.ask(f"{repository.target}: branches", permission, partial(_refs, repository), anonymous=True)
    if named is None:
        return []
    heads = {ref.removeprefix(_HEADS): commit for ref, commit in named.items() if ref.startswith(_HEADS)}
    # Of branches that stand on the same commit one is enough, and the usual one is the best known.
    one_each = {heads[name]: name for name in sorted(heads, key=lambda name: (name == "main", name))}
    branches = sorted(one_each.values(), key=lambda name: (name != "main", name))
    if len(branches) > _MOST_BRANCHES:
        reason = f"only {_MOST_BRANCHES} branches were read"
        queries.skip(f"{repository.target}: commits on {len(branches) - _MOST_BRANCHES} more branches", reason)
    found: dict[str, IncidentChange] = {}
    for branch in branches[:_MOST_BRANCHES]:
        where = f"{repository.target}: commits on {branch}"
        answer = queries.ask(where, permission, partial(_commits, window, repository, branch), anonymous=True)
        for commit in answer or ():
            found.setdefault(commit.id, _commit(commit, repository, branch))
    return list(found.values())


def _commit(commit: HubCommit, repository: HubRepository, branch: str) -> IncidentChange:
    notes = [] if branch == "main" else [f"on the branch {branch}"]
    if commit.backdated:
        notes.append("its date is older than that of its parent commit")
    by = ", ".join(commit.authors) or None
    return IncidentChange("commit", repository.target, commit.title, commit.date, by, commit.id, "; ".join(notes))


def _refs(repository: HubRepository, hub: Hub, secret: Secret | None) -> dict[str, str] | Failure:
    return refs(hub, repository, secret)


def _commits(
    window: TimeWindow, repository: HubRepository, branch: str, hub: Hub, secret: Secret | None
) -> PagedListing[HubCommit] | Failure:
    return commits_since(hub, repository, branch, secret, window.since, limit=window.limit)


def discussion_changes(window: TimeWindow, repository: HubRepository, queries: HubQueries) -> list[IncidentChange]:
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


def file_changes(window: TimeWindow, bucket: HubRepository, queries: HubQueries) -> list[IncidentChange]:
    """The newest first. Buckets keep no history: deleted files and the names of uploaders are unknown."""
    where = f"{bucket.target}: files"
    listed = queries.ask(where, f"repo.content.read on {bucket.target}", partial(_files, bucket), anonymous=True) or ()
    fresh = [file for file in listed if file.uploaded_at is None or file.uploaded_at >= window.since]
    fresh.sort(key=lambda file: (file.uploaded_at or window.since, file.path), reverse=True)
    if len(fresh) > window.limit:
        queries.skip(where, f"only the newest {window.limit} of {len(fresh)} are listed; raise --limit for the rest")
    return [IncidentChange("file", bucket.target, file.path, file.uploaded_at) for file in fresh[: window.limit]]


def _files(bucket: HubRepository, hub: Hub, secret: Secret | None) -> PagedListing[BucketFile] | Failure:
    return files(hub, bucket.id, secret)
