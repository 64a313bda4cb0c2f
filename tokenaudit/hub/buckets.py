"""Files of a bucket: which there are, and the content of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.download import download
from tokenaudit.hub.pagination import listed, text
from tokenaudit.hub.result import Failure, PagedListing, Reply, Result
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp


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
    """The bytes of one file as the reply's body, at most `largest` of them."""
    into = BytesIO()
    path = f"/buckets/{bucket}/resolve/{quote(path, safe='')}"
    answer = download(hub, path, secret, into, largest, seconds=hub.deadline)
    return Reply(answer.status, into.getvalue()) if isinstance(answer, Reply) else answer
