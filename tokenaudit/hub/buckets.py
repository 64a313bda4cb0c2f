"""Files of a bucket: which there are, and the content of one."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import quote, urljoin, urlsplit

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import is_loopback, origin
from tokenaudit.hub.pagination import listed, objects, text
from tokenaudit.hub.result import ErrorKind, Failure, Reply, Result
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

_MOST_REDIRECTS = 4


@dataclass(frozen=True)
class BucketFile:
    """One file; `size` is in bytes. `size` and `uploaded_at` are None where the Hub doesn't say."""

    path: str
    size: int | None
    content_type: str
    uploaded_at: datetime | None = None


def files(hub: Hub, bucket: str, secret: Secret | None) -> list[BucketFile] | Failure:
    """Every file of a bucket ("owner/name"), in all folders."""
    answer = listed(hub, f"/api/buckets/{bucket}/tree", secret, {"recursive": "true"})
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in objects(answer):
        size = item.get("size")
        if item.get("type") == "file" and text(item.get("path")):
            known = size if isinstance(size, int) else None
            uploaded = parse_timestamp(item.get("uploadedAt"))
            found.append(BucketFile(text(item.get("path")), known, text(item.get("contentType")), uploaded))
    return found


def content(hub: Hub, bucket: str, path: str, secret: Secret | None, largest: int) -> Result:
    """The bytes of one file as the reply's body, at most `largest` of them.

    The Hub keeps content elsewhere and redirects there: such a redirect is followed without the token.
    """
    url = f"{hub.endpoint}/buckets/{bucket}/resolve/{quote(path, safe='')}"
    opener = urllib.request.build_opener(_NoRedirect)
    for _ in range(_MOST_REDIRECTS):
        request = urllib.request.Request(url, headers={"User-Agent": "tokenaudit"})  # noqa: S310 - checked below
        if secret is not None and origin(url) == origin(hub.endpoint):
            request.add_unredirected_header("Authorization", f"Bearer {secret.reveal()}")
        try:
            with opener.open(request, timeout=hub.timeout) as response:
                status = response.status
                data = response.read(largest + 1)
        except urllib.error.HTTPError as error:
            target = error.headers.get("Location", "")
            status = error.code
            error.close()
            if status not in {301, 302, 303, 307, 308} or not target:
                return Failure(_trouble(status), status, "the file was refused")
            url = urljoin(url, target)
            if not _safe(url, hub.endpoint):
                return Failure("redirect", status, "the Hub pointed to a place that is not encrypted")
        except (OSError, HTTPException, ValueError) as error:
            return Failure("network", None, f"the file could not be fetched ({type(error).__name__})")
        else:
            if len(data) > largest:
                return Failure("oversized", status, f"larger than {largest} bytes")
            return Reply(status, data)
    return Failure("redirect", None, "too many redirects")


def _trouble(status: int) -> ErrorKind:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "limited"
    return "server" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"


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
