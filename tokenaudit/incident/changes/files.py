"""Files put into buckets that touched credentials could write; buckets keep no history, so this is all there is."""

from __future__ import annotations

from functools import partial

from tokenaudit.hub.client import Hub
from tokenaudit.hub.download import BucketFile, files
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow
from tokenaudit.incident.model import IncidentChange
from tokenaudit.secret import Secret


def changes(window: TimeWindow, bucket: HubRepository, queries: HubQueries) -> list[IncidentChange]:
    """The newest first. What was deleted can't be seen, and who uploaded a file the Hub does not tell."""
    where = f"{bucket.target}: files"
    listed = queries.ask(where, f"repo.content.read on {bucket.target}", partial(_files, bucket), anonymous=True) or ()
    fresh = [file for file in listed if file.uploaded_at is None or file.uploaded_at >= window.since]
    fresh.sort(key=lambda file: (file.uploaded_at or window.since, file.path), reverse=True)
    if len(fresh) > window.limit:
        queries.skip(where, f"only the newest {window.limit} of {len(fresh)} are listed; raise --limit for the rest")
    return [IncidentChange("file", bucket.target, file.path, file.uploaded_at) for file in fresh[: window.limit]]


def _files(bucket: HubRepository, hub: Hub, secret: Secret | None) -> PagedListing[BucketFile] | Failure:
    return files(hub, bucket.id, secret)
