"""Files of a bucket: which there are, and the content of one."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import quote, urljoin, urlsplit

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import is_loopback, origin
from tokenaudit.hub.pagination import listed, text
from tokenaudit.hub.result import Failure, PagedListing, Reply, Result, error_kind
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_MOST_REDIRECTS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class BucketFile:
    """One file; `size` is in bytes. `size` and `uploaded_at` are None where the Hub doesn't say."""

    path: str
    size: int | None
    content_type: str
    uploaded_at: datetime | None = None


def files(hub: Hub, bucket: str, secret: Secret | None) -> PagedListing[BucketFile] | Failure:
    """Every file of a bucket ("owner/name"), in all folders."""
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


def content(hub: Hub, bucket: str, path: str, secret: Secret | None, largest: int) -> Result:
    """The bytes of one file as the reply's body, at most `largest` of them.

    The Hub keeps content elsewhere and redirects there: such a redirect is followed without the token.
    """

    def attempt() -> tuple[Result, Mapping[str, str]]:
        slow = Failure("timeout", None, "the file took too long")
        return hub.within(hub.deadline, lambda: _content(hub, bucket, path, secret, largest)) or (slow, {})

    return hub.send(attempt)


def _content(hub: Hub, bucket: str, path: str, secret: Secret | None, largest: int) -> tuple[Result, Mapping[str, str]]:
    """One try, redirects followed."""
    url = f"{hub.endpoint}/buckets/{bucket}/resolve/{quote(path, safe='')}"
    for _ in range(_MOST_REDIRECTS):
        token = secret if origin(url) == origin(hub.endpoint) else None
        answer, headers = _fetched(url, token, hub.timeout, largest)
        target = headers.get("location", "")
        if isinstance(answer, Reply) or answer.status not in _REDIRECTS or not target:
            return answer, headers
        try:
            url = urljoin(url, target)
            safe = _safe(url, hub.endpoint)
        except ValueError:
            safe = False
        if not safe:
            return Failure("redirect", answer.status, "the Hub pointed to a place that is not encrypted"), {}
    return Failure("redirect", None, "too many redirects"), {}


def _fetched(url: str, secret: Secret | None, timeout: float, largest: int) -> tuple[Result, Mapping[str, str]]:
    request = urllib.request.Request(url, headers={"User-Agent": "tokenaudit"})  # noqa: S310 - checked by the caller
    if secret is not None:
        request.add_unredirected_header("Authorization", f"Bearer {secret.reveal()}")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as response:
            status = response.status
            data = response.read(largest + 1)
    except urllib.error.HTTPError as error:
        headers = {name.lower(): value for name, value in error.headers.items()}
        error.close()
        return Failure(error_kind(error.code), error.code, "the file was refused"), headers
    except TimeoutError:
        return Failure("timeout", None, "the file took too long"), {}
    except (OSError, HTTPException, ValueError) as error:
        return Failure("network", None, f"the file could not be fetched ({type(error).__name__})"), {}
    if len(data) > largest:
        return Failure("oversized", status, f"larger than {largest} bytes"), {}
    return Reply(status, data), {}


def _safe(url: str, endpoint: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    both_here = is_loopback(parts.hostname or "") and is_loopback(urlsplit(endpoint).hostname or "")
    return parts.scheme == "http" and both_here


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves every redirect to the caller."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        del req, fp, code, msg, headers, newurl
        return None
