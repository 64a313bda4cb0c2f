"""Files of repositories: the listing of a revision, and the content of one file, which for large ones is elsewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from tests.hub.routes import _REPO, Routes, _route, refusal
from tests.hub.server import Request, Response
from tests.hub.state import Body, Repo

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n\Z")
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
    return routes.page(request, list(_entries(repo, listing)))


def _entries(repo: Repo, listing: bytes) -> Iterator[Body]:
    for line in listing.decode().split("\0")[:-1]:
        head, _, path = line.partition("\t")
        _, _, blob, size = head.split()
        entry: Body = {"type": "file", "oid": blob, "size": int(size), "path": path}
        pointer = _POINTER.match(_git(repo, "cat-file", "blob", blob) or b"")
        if pointer:
            lfs = {"oid": pointer[1].decode(), "size": int(pointer[2]), "pointerSize": int(size)}
            entry |= {"lfs": lfs, "size": lfs["size"], "xetHash": "a" * 64}
        yield entry


@_route("GET", _PAGE + r"/resolve/(?P<rev>[^/]+)/(?P<path>.+)")
def _resolve(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    """A large file is a redirect to a signed address at another origin, `world.storage`, where that is given."""
    repo = routes.world.repos.get((found["type"] or "model", found["id"]))
    if repo is None or repo.git is None or not routes.world.may(request.token, repo):
        return refusal(404, "Repository not found", X_Error_Code="RepoNotFound")
    data = _git(repo, "cat-file", "blob", f"{found['rev']}:{found['path']}")
    if data is None:
        return refusal(404, "Entry not found", X_Error_Code="EntryNotFound")
    pointer = _POINTER.match(data)
    if not pointer:
        return Response(200, data, {"Content-Type": "text/plain"})
    place = f"{routes.world.storage or routes.base}/storage/{repo.type}/{repo.id}/{pointer[1].decode()}"
    return Response(302, b"", {"Location": f"{place}?signature=x", "X-Linked-Size": pointer[2].decode()})


@_route("GET", r"/storage/(?P<type>\w+)/(?P<id>[^/]+/[^/]+)/(?P<key>[0-9a-f]{64})")
def _storage(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    repo = routes.world.repos.get((found["type"], found["id"]))
    if repo is None or found["key"] not in repo.large_files:
        return refusal(404, "Not found")
    return Response(200, repo.large_files[found["key"]], {"Content-Type": "application/octet-stream"})
