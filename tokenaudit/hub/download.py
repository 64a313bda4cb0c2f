"""Download of a single file, streamed and limited in size and time.

The Hub stores content elsewhere (a CDN, Xet) and redirects to a signed URL. Redirects are followed without the token,
which is sent to the Hub's own origin only.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPMessage
from io import BytesIO
from typing import IO, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import is_loopback, origin
from tokenaudit.hub.pagination import listed, text
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing, Reply, Result, error_kind
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_MOST_REDIRECTS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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
        return hub.within(allowed, lambda: _redirected(hub, path, secret, transfer)) or (_TOO_SLOW, {})

    return hub.send(attempt)


def _redirected(hub: Hub, path: str, secret: Secret | None, transfer: _Transfer) -> tuple[Result, Mapping[str, str]]:
    """Make one attempt, following redirects."""
    url = hub.endpoint + path
    for _ in range(_MOST_REDIRECTS):
        token = secret if origin(url) == origin(hub.endpoint) else None
        answer, headers = _fetched(url, token, hub.timeout, transfer)
        target = headers.get("location", "")
        if isinstance(answer, Reply) or answer.status not in _REDIRECTS or not target:
            return answer, headers
        try:
            url = urljoin(url, target)
            safe = _safe(url, hub.endpoint)
        except ValueError:
            safe = False
        if not safe:
            return Failure("redirect", answer.status, "the Hub redirected to an unencrypted address"), {}
    return Failure("redirect", None, "too many redirects"), {}


def _fetched(url: str, secret: Secret | None, timeout: float, transfer: _Transfer) -> tuple[Result, Mapping[str, str]]:
    request = urllib.request.Request(url, headers={"User-Agent": "tokenaudit"})  # noqa: S310 - checked by the caller
    if secret is not None:
        request.add_unredirected_header("Authorization", f"Bearer {secret.reveal()}")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as response:
            return _written(response, response.status, transfer), {}
    except urllib.error.HTTPError as error:
        headers = {name.lower(): value for name, value in error.headers.items()}
        error.close()
        return Failure(error_kind(error.code), error.code, "the file was refused"), headers
    except TimeoutError:
        return _TOO_SLOW, {}
    except (OSError, HTTPException, ValueError) as error:
        return Failure("network", None, f"the file could not be fetched ({type(error).__name__})"), {}


def _written(response: IO[bytes], status: int, transfer: _Transfer) -> Result:
    size = 0
    while part := response.read(min(_PART, transfer.largest + 1 - size)):
        size += len(part)
        if size > transfer.largest:
            return Failure("oversized", status, f"larger than {transfer.largest} bytes")
        if time.monotonic() > transfer.ends:  # abandoned: the next attempt writes to the same file
            return _TOO_SLOW
        transfer.into.write(part)
    return Reply(status, size)


def _safe(url: str, endpoint: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    both_here = is_loopback(parts.hostname or "") and is_loopback(urlsplit(endpoint).hostname or "")
    return parts.scheme == "http" and both_here


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Returns every redirect to the caller instead of following it."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        del req, fp, code, msg, headers, newurl
        return None


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
    path = f"/api/{repository.target}/tree/{quote(revision, safe='')}"
    answer = listed(hub, path, secret, {"recursive": "true"})
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in answer:
        lfs = item.get("lfs")
        if isinstance(lfs, dict) and isinstance(lfs.get("size"), int) and text(item.get("path")):
            found.append(LargeFile(text(item.get("path")), text(lfs.get("oid")).removeprefix("sha256:"), lfs["size"]))
    return PagedListing(tuple(found), answer.incomplete)


def fetch(
    hub: Hub, repository: HubRepository, revision: str, file: LargeFile, secret: Secret | None, into: BinaryIO
) -> Result:
    """Write the content of `file` to `into`; the reply's body is the number of bytes, equal to the listed size."""
    path = f"/{repository.page}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
    return _as_listed(download(hub, path, secret, into, file.size), file.size)
