"""What a repository holds at a revision, and who uploaded it. Source: the Hub's OpenAPI document (August 2026)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import huggingface_hub  # imports its submodules lazily

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.pagination import JsonObject, Params, listed, malformed, text, with_items
from tokenaudit.hub.repo_listing import HubRepository, count
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MOST_PATHS = 2000
"""Maximum number of paths of one `paths-info` request."""

LARGEST_DIFF = 8 << 20
"""Maximum number of bytes of a diff that are read."""

SCANNERS = ("avScan", "pickleImportScan", "jFrogScan", "protectAiScan", "virusTotalScan")
"""The objects of `securityFileStatus`, one per scanner. huggingface_hub keeps the first two only."""


@dataclass(frozen=True)
class FileSecurity:
    """The Hub's verdict on one file.

    `status` is one of unscanned, safe, queued, error, caution, suspicious, unsafe; `scanners` are the statuses of the
    single scanners by their field name, `pickle_imports` the names that a pickle imports.
    """

    status: str
    scanners: Mapping[str, str]
    pickle_imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepoFile:
    """A file of a revision.

    `content_id` is the SHA-256 of a large file, else the id of the git blob; empty where the Hub omits it. `blob_id`
    is always that of the git blob. `size` is in bytes, of a large file that of its content, None where the Hub names
    none. `commit` is the last commit that changed the file, None where that was not asked for.
    """

    path: str
    size: int | None
    content_id: str
    blob_id: str
    is_large: bool
    commit: str | None = None
    security: FileSecurity | None = None


@dataclass(frozen=True)
class RepoOverview:
    """What the Hub says of a repository itself; None where it says nothing."""

    head: str
    private: bool | None
    downloads_month: int | None
    created_at: datetime | None


@dataclass(frozen=True)
class LargeUpload:
    """An upload of a large file, by the server's clock.

    `content_id` is the SHA-256, `path` the name it was probably uploaded as. Uploads stay listed after the file is
    deleted from every revision.
    """

    content_id: str
    pushed_at: datetime | None
    pushed_by: str | None
    path: str | None = None
    ref: str | None = None


_OVERVIEW = {
    "model": ("sha", "private", "downloads", "createdAt"),
    "dataset": ("sha", "private", "downloads", "createdAt"),
    "space": ("sha", "private", "createdAt"),
}


def overview(hub: Hub, repository: HubRepository, secret: Secret | None) -> RepoOverview | Failure:
    """Return the head, the visibility and the downloads of a repository."""
    fields = urlencode([("expand", name) for name in _OVERVIEW.get(repository.type, ())])
    answer = hub.get(f"/api/{repository.target}?{fields}", secret)
    if isinstance(answer, Failure):
        return answer
    body = answer.body
    if not isinstance(body, dict) or not text(body.get("id")):
        return malformed("a repository", answer.status)
    private = body.get("private")
    return RepoOverview(
        text(body.get("sha")),
        private if isinstance(private, bool) else None,
        count(body.get("downloads")),
        parse_timestamp(body.get("createdAt")),
    )


def tree(
    hub: Hub, repository: HubRepository, revision: str, secret: Secret | None, *, expand: bool = False
) -> PagedListing[RepoFile] | Failure:
    """Return every file of a revision, in all folders.

    With `expand` also their last commits and verdicts; the Hub then answers 100 entries a page instead of 1,000.
    """
    path = f"/api/{repository.target}/tree/{quote(revision, safe='')}"
    params: Params = {"recursive": "true", "expand": "true"} if expand else {"recursive": "true"}
    answer = listed(hub, path, secret, params)
    return answer if isinstance(answer, Failure) else _files(answer)


def paths_info(
    hub: Hub, repository: HubRepository, revision: str, paths: Sequence[str], secret: Secret | None
) -> PagedListing[RepoFile] | Failure:
    """Return those of `paths` that are files of a revision, with their last commits and the Hub's verdicts."""
    url = f"{hub.endpoint}/api/{repository.target}/paths-info/{quote(revision, safe='')}"
    found: list[RepoFile] = []
    incomplete: dict[str, None] = {}
    for start in range(0, len(paths), MOST_PATHS):
        body = {"paths": list(paths[start : start + MOST_PATHS]), "expand": True}

        def ask(_api: HfApi, token: Token, body: object = body) -> Any:  # noqa: ANN401 - parsed JSON of any shape
            response = huggingface_hub.get_session().post(url, headers=hub.headers(token), json=body)
            response.raise_for_status()
            return response.json()

        answer = hub.ask(ask, secret)
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer.body, list):
            return malformed("a list of files", answer.status)
        page = _files(with_items(PagedListing(tuple(answer.body)), [i for i in answer.body if isinstance(i, dict)]))
        found += page.items
        incomplete.update({page.incomplete: None} if page.incomplete else {})
    return PagedListing(tuple(found), "; ".join(incomplete))


def compare(hub: Hub, repository: HubRepository, old: str, new: str, secret: Secret | None) -> str | Failure:
    """Return the diff between two revisions, as git writes it. One larger than `LARGEST_DIFF` is a failure."""
    url = f"{hub.endpoint}/api/{repository.target}/compare/{quote(f'{old}..{new}', safe='')}"

    def ask(_api: HfApi, token: Token) -> str:
        response = huggingface_hub.get_session().get(url, headers=hub.headers(token))
        response.raise_for_status()
        body: bytes = response.content
        # The document says a JSON string; the page of the same diff is plain text.
        if body.startswith(b'"'):
            return str(json.loads(body))
        return body.decode("utf-8", "surrogateescape")

    answer = hub.ask(ask, secret, largest=LARGEST_DIFF)
    return answer if isinstance(answer, Failure) else str(answer.body)


def large_uploads(hub: Hub, repository: HubRepository, secret: Secret | None) -> PagedListing[LargeUpload] | Failure:
    """Return every upload of a large file, with the server's time and the account; needs write access."""
    answer = listed(hub, f"/api/{repository.target}/lfs-files", secret, {"limit": 1000, "xet": "true"})
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in answer:
        pusher = item.get("pusher")
        if text(item.get("oid")):
            found.append(
                LargeUpload(
                    text(item.get("oid")).removeprefix("sha256:"),
                    parse_timestamp(item.get("pushedAt")),
                    (text(pusher.get("name")) or None) if isinstance(pusher, dict) else None,
                    text(item.get("filename")) or None,
                    text(item.get("ref")) or None,
                )
            )
    return with_items(answer, found)


def files_with_issues(hub: Hub, repository: HubRepository, secret: Secret | None) -> dict[str, str] | Failure:
    """Return the Hub's level (such as unsafe) of each file that one of its scanners has objections to."""
    answer = hub.get(f"/api/{repository.target}/scan", secret)
    if isinstance(answer, Failure):
        return answer
    issues = answer.body.get("filesWithIssues") if isinstance(answer.body, dict) else None
    if not isinstance(issues, list):
        return malformed("the result of the Hub's scan", answer.status)
    return {text(item.get("path")): text(item.get("level")) for item in issues if isinstance(item, dict)}


def is_gone(failure: Failure) -> bool:
    """Return whether a revision or file does not exist (any more)."""
    return failure.status == HTTPStatus.NOT_FOUND


def _files(listing: PagedListing[JsonObject]) -> PagedListing[RepoFile]:
    entries = [item for item in listing if item.get("type") != "directory"]
    found = [file for item in entries if (file := _file(item)) is not None]
    return with_items(PagedListing(tuple(entries), listing.incomplete), found)


def _file(item: JsonObject) -> RepoFile | None:
    path, blob = text(item.get("path")), text(item.get("oid"))
    if not path or not blob:
        return None
    lfs = item.get("lfs")
    is_large = isinstance(lfs, dict)
    # `paths-info` names no `oid` of a large file: the id of its content is then unknown.
    content = text(lfs.get("oid")).removeprefix("sha256:") if isinstance(lfs, dict) else blob
    size = lfs.get("size", item.get("size")) if isinstance(lfs, dict) else item.get("size")
    commit = item.get("lastCommit")
    return RepoFile(
        path,
        count(size),
        content,
        blob,
        is_large,
        (text(commit.get("id")) or None) if isinstance(commit, dict) else None,
        _security(item.get("securityFileStatus")),
    )


def _security(value: object) -> FileSecurity | None:
    if not isinstance(value, dict) or not text(value.get("status")):
        return None
    scans = {name: value[name] for name in SCANNERS if isinstance(value.get(name), dict)}
    imports: dict[str, None] = {}
    for scan in scans.values():
        imports.update(dict.fromkeys(_imports(scan.get("pickleImports"))))
    return FileSecurity(
        text(value.get("status")),
        {name: text(scan.get("status")) for name, scan in scans.items()},
        tuple(imports),
    )


def _imports(listing: object) -> Iterable[str]:
    for item in listing if isinstance(listing, list) else ():
        if isinstance(item, dict) and text(item.get("module")) and text(item.get("name")):
            yield f"{item['module']}.{item['name']}"
