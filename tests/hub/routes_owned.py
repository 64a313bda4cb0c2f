"""The double's endpoints around what a namespace owns: overviews, refs, buckets, collections, inference endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.hub.routes import _REPO, Routes, _route, refusal
from tests.hub.server import Request, Response, reply
from tests.hub.state import MOMENT, Body

_GROUPS = {"branches": "refs/heads/", "tags": "refs/tags/", "converts": "refs/convert/", "pullRequests": "refs/pr/"}


@_route("GET", "/api/organizations/(?P<name>[^/]+)/overview")
def _organization(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    if found["name"] not in routes.world.organizations:
        return refusal(404, "Organization not found")
    return reply({"name": found["name"], "fullname": found["name"].title(), "avatarUrl": "/a.png"})


@_route("GET", "/api/users/(?P<name>[^/]+)/overview")
def _user(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    if found["name"] not in routes.world.users:
        return refusal(404, "User not found")
    return reply({"_id": "1" * 24, "user": found["name"], "fullname": found["name"].title(), "avatarUrl": "/a.png"})


_NEEDED = {
    ("jobs", "read"): ("job.write",),
    ("jobs", "write"): ("job.write",),
    ("inference-endpoints", "read"): ("inference.endpoints.write", "inference.endpoints.infer.write"),
    ("inference-endpoints", "infer"): ("inference.endpoints.write", "inference.endpoints.infer.write"),
    ("inference-endpoints", "write"): ("inference.endpoints.write",),
}


@_route("POST", "/api/(?P<service>jobs|inference-endpoints)/(?P<name>[^/]+)/auth-check/(?P<permission>[a-z]+)")
def _service_check(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    needed = _NEEDED.get((found["service"], found["permission"]))
    if needed is None:
        return refusal(400, "Invalid permission")
    narrowed = routes.world.may_use(request.token, found["name"], needed)
    if narrowed is None:
        return refusal(403, "Forbidden")
    body: Body = {
        "namespace": {"id": "2" * 24, "name": found["name"]},
        "user": {"id": "1" * 24, "name": routes.world.tokens[request.token or ""]["name"]},
    }
    if narrowed and found["service"] == "inference-endpoints":
        return reply({**body, "patternRestrictions": narrowed}, 207)
    return reply(body)


@_route("GET", _REPO + "/refs")
def _refs(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    body: Body = {"branches": [], "tags": [], "converts": []}
    if request.query.get("include_prs"):
        body["pullRequests"] = []
    refs = {f"refs/heads/{name}": commits[0]["id"] for name, commits in repo.commits.items() if commits}
    refs |= _all_refs(repo.git) if repo.git is not None else {}
    for ref, commit in sorted(refs.items()):
        for group, prefix in _GROUPS.items():
            if ref.startswith(prefix) and group in body:
                body[group].append({"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": commit})
    return reply(body)


def _all_refs(bare: Path) -> dict[str, str]:
    """Every ref of a bare repository, read as git keeps them: packed ones, then loose ones, which are newer."""
    found = {}
    packed = bare / "packed-refs"
    if packed.is_file():
        for line in packed.read_text().splitlines():
            if not line.startswith(("#", "^")):
                commit, _, ref = line.partition(" ")
                found[ref] = commit
    for file in (bare / "refs").rglob("*"):
        if file.is_file():
            found[file.relative_to(bare).as_posix()] = file.read_text().strip()
    return found


@_route("GET", "/api/buckets/(?P<name>[^/]+)")
def _buckets(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    return routes.page(request, [_bucket(routes, name) for name in routes.world.buckets if _in(name, found["name"])])


def _in(name: str, namespace: str) -> bool:
    return name.partition("/")[0] == namespace


def _bucket(routes: Routes, name: str) -> Body:
    files = routes.world.buckets[name]
    return {
        "id": name,
        "author": name.partition("/")[0],
        "createdAt": MOMENT,
        "updatedAt": MOMENT,
        "size": sum(map(len, files.values())),
        "totalFiles": len(files),
        "repoType": "bucket",
        "cdnRegions": [],
    }


@_route("GET", "/api/buckets/(?P<id>[^/]+/[^/]+)/tree")
def _bucket_tree(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    files = routes.world.buckets.get(found["id"])
    if files is None:
        return refusal(404, "Not found")
    return routes.page(request, list(_entries(files)))


def _entries(files: dict[str, bytes]) -> Iterator[Body]:
    for path, data in files.items():
        yield {"type": "file", "path": path, "size": len(data), "uploadedAt": MOMENT, "mtime": MOMENT}


@_route("GET", "/buckets/(?P<id>[^/]+/[^/]+)/resolve/(?P<path>.+)")
def _bucket_file(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    """As the Hub does it, the content is elsewhere: here below another path."""
    if found["path"] not in routes.world.buckets.get(found["id"], {}):
        return refusal(404, "Not found")
    return Response(302, b"", {"Location": f"{routes.base}/content/{found['id']}/{found['path']}"})


@_route("GET", "/content/(?P<id>[^/]+/[^/]+)/(?P<path>.+)")
def _content(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    return Response(200, routes.world.buckets[found["id"]][found["path"]], {"Content-Type": "text/plain"})


@_route("GET", "/api/collections")
def _collections(routes: Routes, request: Request, _found: re.Match[str]) -> Response:
    owner = request.query.get("owner")
    listed = [item for item in routes.world.collections if _in(item["slug"], owner or "")]
    return routes.page(request, [{**item, "items": item["items"][:1]} for item in listed])


@_route("GET", "/api/collections/(?P<slug>[^/]+/[^/]+)")
def _collection(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    for item in routes.world.collections:
        if item["slug"] == found["slug"]:
            return reply(item)
    return refusal(404, "Not found")


@_route("GET", "/v2/endpoint/(?P<name>[^/]+)")
def _inference_endpoints(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    return reply({"items": routes.world.endpoints.get(found["name"], [])})
