"""Files of repositories: listings, differences, verdicts and uploads; content, which for large files is elsewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hub.routes import _REPO, Routes, _route, refusal
from tests.hub.server import Request, Response, reply
from tests.hub.state import Body, Repo

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n\Z")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_LARGEST_POINTER = 200
_EXPANDED = 100
_MOST_PATHS = 2000
_PAGE = r"/(?:(?P<type>dataset|space)s/)?(?P<id>[^/]+/[^/]+)"


def _git(repo: Repo, *arguments: str) -> bytes | None:
    done = subprocess.run(["git", *arguments], cwd=repo.git, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


@_route("GET", _REPO + r"/tree/(?P<rev>[^/]+)")
def _tree(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    listing = _git(repo, "ls-tree", "-r", "-z", "-l", found["rev"])
    if listing is None:
        return refusal(404, "Invalid rev id", X_Error_Code="RevisionNotFound")
    entries = list(_entries(repo, listing))
    if request.query.get("expand") != "true":
        return routes.page(request, entries)
    return routes.page(request, [_expanded(repo, found["rev"], entry) for entry in entries], limit=_EXPANDED)


@_route("POST", _REPO + r"/paths-info/(?P<rev>[^/]+)")
def _paths_info(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    asked = request.json()
    if len(asked["paths"]) > _MOST_PATHS:
        return refusal(400, "Too many paths")
    listing = _git(repo, "--literal-pathspecs", "ls-tree", "-r", "-z", "-l", found["rev"], "--", *asked["paths"])
    if listing is None:
        return refusal(404, "Invalid rev id", X_Error_Code="RevisionNotFound")
    entries = [entry for entry in _entries(repo, listing) if entry["path"] in asked["paths"]]
    for entry in entries:
        if "lfs" in entry:
            entry["lfs"] = {"pointerSize": entry["lfs"]["pointerSize"]}
    return reply([_expanded(repo, found["rev"], entry) if asked["expand"] else entry for entry in entries])


@_route("GET", _REPO + r"/compare/(?P<old>.+?)\.\.(?P<new>[^/]+)")
def _compare(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    diff = _git(repo, "diff", "--no-ext-diff", found["old"], found["new"])
    if diff is None:
        return refusal(404, "Invalid rev id", X_Error_Code="RevisionNotFound")
    return reply(diff.decode("utf-8", "replace"))


@_route("GET", _REPO + r"/lfs-files")
def _lfs_files(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    return repo if isinstance(repo, Response) else routes.page(request, repo.uploads)


@_route("GET", _REPO + r"/scan")
def _scan(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    issues = [
        {"path": path, "level": status["status"]}
        for path, status in sorted(repo.security.items())
        if status["status"] in {"caution", "suspicious", "unsafe"}
    ]
    return reply({"scansDone": True, "filesWithIssues": issues})


def security(status: str, *, imports: Mapping[str, str] | None = None, **scans: str) -> Body:
    """A `securityFileStatus`: `imports` are names of a pickle with their safety, `scans` statuses of more scanners."""
    found = [
        {"module": n.rpartition(".")[0], "name": n.rpartition(".")[2], "safety": s} for n, s in (imports or {}).items()
    ]
    body: Body = {"status": status, "avScan": {"status": "safe"}, "pickleImportScan": {"status": status}}
    if found:
        body["pickleImportScan"]["pickleImports"] = found
    return body | {name: {"status": value} for name, value in scans.items()}


def upload(content_id: str, at: str, by: str, path: str = "model.bin", size: int = 1) -> Body:
    """An entry of `lfs-files`: a large file that the account `by` uploaded."""
    pusher = {
        "_id": "1" * 24, "avatarUrl": f"/avatars/{by}.svg", "fullname": by.title(), "name": by, "isHf": False,
        "isHfAdmin": False, "isMod": False, "type": "user", "isPro": False,
    }  # fmt: skip
    return {"fileOid": "8" * 24, "oid": content_id, "size": size, "pushedAt": at, "pusher": pusher, "filename": path}


def _expanded(repo: Repo, revision: str, entry: Body) -> Body:
    form = "%H%x00%s%x00%cd"
    log = _git(
        repo, "log", "-1", f"--format={form}", "--date=format-local:%Y-%m-%dT%H:%M:%S.000Z", revision, "--",
        f":(literal){entry['path']}",
    )  # fmt: skip
    commit, title, date = (log or b"").decode("utf-8", "replace").rstrip("\n").split("\0")
    known = repo.security.get(entry["path"], security("safe"))
    return entry | {"lastCommit": {"id": commit, "title": title, "date": date}, "securityFileStatus": known}


def _entries(repo: Repo, listing: bytes) -> Iterator[Body]:
    for line in listing.decode().split("\0")[:-1]:
        head, _, path = line.partition("\t")
        _, _, blob, size = head.split()
        entry: Body = {"type": "file", "oid": blob, "size": int(size), "path": path}
        pointer = _pointer(repo, blob) if int(size) <= _LARGEST_POINTER else None
        if pointer:
            lfs = {"oid": pointer[1].decode(), "size": int(pointer[2]), "pointerSize": int(size)}
            entry |= {"lfs": lfs, "size": lfs["size"], "xetHash": "a" * 64}
        yield entry


def _pointer(repo: Repo, blob: str) -> re.Match[bytes] | None:
    key = (str(repo.git), blob)
    if key not in _pointers:
        _pointers[key] = _POINTER.match(_git(repo, "cat-file", "blob", blob) or b"")
    return _pointers[key]


_pointers: dict[tuple[str, str], re.Match[bytes] | None] = {}


@_route("(?:GET|HEAD)", _PAGE + r"/resolve/(?P<rev>[^/]+)/(?P<path>.+)")
def _resolve(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    """A large file is a redirect to a signed address at another origin, `world.storage`, where that is given."""
    repo = routes.world.repos.get((found["type"] or "model", found["id"]))
    if repo is None or repo.git is None or not routes.world.may(request.token, repo):
        return refusal(404, "Repository not found", X_Error_Code="RepoNotFound")
    data = _git(repo, "cat-file", "blob", f"{found['rev']}:{found['path']}")
    if data is None:
        return refusal(404, "Entry not found", X_Error_Code="EntryNotFound")
    commit = (_git(repo, "rev-parse", found["rev"]) or b"").decode().strip()
    pointer = _POINTER.match(data)
    if not pointer:
        return _content(routes, request, data, {"Content-Type": "text/plain", "X-Repo-Commit": commit})
    place = f"{routes.world.storage or routes.base}/storage/{repo.type}/{repo.id}/{pointer[1].decode()}"
    headers = {"X-Repo-Commit": commit, "X-Linked-Size": pointer[2].decode(), "X-Linked-Etag": pointer[1].decode()}
    return Response(302, b"", {"Location": f"{place}?signature=x", **headers})


@_route("(?:GET|HEAD)", r"/storage/(?P<type>\w+)/(?P<id>[^/]+/[^/]+)/(?P<key>[0-9a-f]{64})")
def _storage(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.world.repos.get((found["type"], found["id"]))
    if repo is None or found["key"] not in repo.large_files:
        return refusal(404, "Not found")
    if request.headers.get("authorization") and request.token not in routes.world.tokens:  # a server of its own
        return refusal(400, "Only one auth mechanism allowed")  # as object stores answer
    return _content(routes, request, repo.large_files[found["key"]], {"Content-Type": "application/octet-stream"})


def _content(routes: Routes, request: Request, data: Any, headers: Mapping[str, str]) -> Response:
    """The whole of `data` (bytes, or anything with a length that can be sliced), or the range that was asked for."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or routes.world.ignores_range:
        return Response(200, data[: len(data)], headers)
    start, end = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
    if start >= len(data):
        return Response(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Response(206, data[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"})
