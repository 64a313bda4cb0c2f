"""The large files of a repository: git has only a pointer to each, the Hub's listing says which they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.download import download
from tokenaudit.hub.pagination import listed, text
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing, Result
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class LargeFile:
    """One file; `key` is the SHA-256 of its content, which the pointer names too, and `size` its size in bytes."""

    path: str
    key: str
    size: int


def large_files(
    hub: Hub, repository: HubRepository, revision: str, secret: Secret | None
) -> PagedListing[LargeFile] | Failure:
    """The files of a revision, in all folders, that are pointers in git.

    Source: `GET /api/{type}s/{id}/tree/{revision}` of the Hub's OpenAPI document, whose entries have `lfs`.
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
    """Writes the content of `file` to `into`; the reply's body is its number of bytes, which are no more than said."""
    path = f"/{repository.page}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
    return download(hub, path, secret, into, file.size)
