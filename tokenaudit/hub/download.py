"""Download of a single file, streamed and limited in size and time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.file_request import FileRequest, FileResponse
from tokenaudit.hub.pagination import listed, text
from tokenaudit.hub.repo_content import tree
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing, Reply, Result
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_PART = 1 << 20
_SLOWEST = 256 << 10
"""Minimum speed in bytes per second; sets the time limit of a download where none is given."""

_TOO_SLOW = Failure("timeout", None, "the file took too long")


@dataclass(frozen=True)
class _Transfer:
    """Destination of a download: at most `largest` bytes, none after `ends` (a `time.monotonic()`)."""

    into: BinaryIO
    largest: int
    ends: float

    def write(self, opened: FileResponse) -> Result:
        """Copy the body of a response."""
        size = 0
        while part := opened.body.read(min(_PART, self.largest + 1 - size)):
            size += len(part)
            if size > self.largest:
                return Failure("oversized", opened.status, f"larger than {self.largest} bytes")
            if time.monotonic() > self.ends:  # abandoned: the next attempt writes to the same file
                return _TOO_SLOW
            self.into.write(part)
        return Reply(opened.status, size)


def download(
    hub: Hub, path: str, secret: Secret | None, into: BinaryIO, largest: int, *, seconds: float | None = None
) -> Result:
    """Write the file at `path` (which starts with a slash, URL-quoted) to `into`: at most `largest` bytes of it.

    The reply's body is the number of bytes. Transient failures are retried from the beginning; each attempt has
    `seconds`, by default the time for `largest` bytes over a slow connection. After a failure the content of `into`
    is undefined.
    """
    allowed = hub.deadline + largest / _SLOWEST if seconds is None else seconds

    def attempt() -> tuple[Result, Mapping[str, str]]:
        into.seek(0)
        into.truncate()
        transfer = _Transfer(into, largest, time.monotonic() + allowed)
        sent = FileRequest(hub.endpoint, hub.endpoint + path, secret, hub.timeout)
        return hub.within(allowed, lambda: sent.send(transfer.write)) or (_TOO_SLOW, {})

    return hub.send(attempt)


@dataclass(frozen=True)
class BucketFile:
    """One file; `size` is in bytes. `size` and `uploaded_at` are None where the Hub omits them."""

    path: str
    size: int | None
    content_type: str
    uploaded_at: datetime | None = None


def files(hub: Hub, bucket: str, secret: Secret | None) -> PagedListing[BucketFile] | Failure:
    """Return every file of a bucket ("owner/name"), in all folders."""
    answer = listed(hub, f"/api/buckets/{bucket}/tree", secret, {"recursive": "true"})
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in answer:
        size = item.get("size")
        if item.get("type") == "file" and text(item.get("path")):
            known = size if isinstance(size, int) else None
            uploaded = parse_timestamp(item.get("uploadedAt"))
            found.append(BucketFile(text(item.get("path")), known, text(item.get("contentType")), uploaded))
    return PagedListing(tuple(found), answer.incomplete)


def content(hub: Hub, bucket: str, file: BucketFile, secret: Secret | None, largest: int) -> Result:
    """Return the bytes of one file as the reply's body, at most `largest`."""
    into = BytesIO()
    path = f"/buckets/{bucket}/resolve/{quote(file.path, safe='')}"
    answer = _as_listed(download(hub, path, secret, into, largest, seconds=hub.deadline), file.size)
    return Reply(answer.status, into.getvalue()) if isinstance(answer, Reply) else answer


def _as_listed(answer: Result, size: int | None) -> Result:
    """Return `answer`, or a failure if its size differs from the listed one: a proxy's page, or a newer upload."""
    if isinstance(answer, Reply) and size is not None and answer.body != size:
        return Failure("malformed", answer.status, f"the file has {answer.body:,} bytes instead of {size:,}")
    return answer


@dataclass(frozen=True)
class LargeFile:
    """One file; `key` is the SHA-256 of its content, as in the pointer, and `size` its size in bytes."""

    path: str
    key: str
    size: int


def large_files(
    hub: Hub, repository: HubRepository, revision: str, secret: Secret | None
) -> PagedListing[LargeFile] | Failure:
    """Return the files of a revision, in all folders, that are pointers in git.

    Source: `GET /api/{type}s/{id}/tree/{revision}` in the Hub's OpenAPI document, whose entries have `lfs`.
    """
    answer = tree(hub, repository, revision, secret)
    if isinstance(answer, Failure):
        return answer
    large = [LargeFile(file.path, file.content_id, file.size) for file in answer if file.is_large and file.size]
    return PagedListing(tuple(large), answer.incomplete)


def fetch(
    hub: Hub, repository: HubRepository, revision: str, file: LargeFile, secret: Secret | None, into: BinaryIO
) -> Result:
    """Write the content of `file` to `into`; the reply's body is the number of bytes, equal to the listed size."""
    path = f"/{repository.page}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
    return _as_listed(download(hub, path, secret, into, file.size), file.size)
