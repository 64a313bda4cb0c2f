"""The double's endpoints: from a request and the world to a response."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlencode

from tests.hub import gitserver
from tests.hub.faults import INVALID
from tests.hub.server import Request, Response, reply
from tests.hub.state import MOMENT, Body, Repo, World

Route: TypeAlias = Callable[["Routes", Request, "re.Match[str]"], Response]
_ROUTES: list[tuple[str, re.Pattern[str], Route]] = []
_REPO = r"/api/(?P<type>model|dataset|space)s/(?P<id>[^/]+/[^/]+)"
_REFUSALS = {403: "Forbidden", 404: "Repository not found"}
LIST_LIMIT = 1000


def _route(method: str, path: str) -> Callable[[Route], Route]:
    def register(function: Route) -> Route:
        _ROUTES.append((method, re.compile(path + "$"), function))
        return function

    return register


def refusal(status: int, message: str, **headers: str) -> Response:
    """An error as the Hub words it."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply({"error": message}, status, **{"X-Error-Message": message, **spelled})


class Routes:
    """Answers from a world; `base` is the double's own address, for `Link` headers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = ""

    def __call__(self, request: Request) -> Response:
        """The answer to any request."""
        token = request.token
        if token is not None and token not in self.world.tokens:
            return refusal(401, self.world.refused.get(token, INVALID))
        for method, pattern, function in _ROUTES:
            found = pattern.match(request.path)
            if found and re.fullmatch(method, request.method):
                return function(self, request, found)
        return self._git(request) or refusal(404, "Not found")

    def repo(self, request: Request, found: re.Match[str], *, write: bool = False) -> Repo | Response:
        """The repository a path names, or the refusal that this token gets."""
        repo = self.world.repos.get((found["type"], found["id"]))
        if repo is None or not self.world.may(request.token, repo):
            if request.token is None:
                return refusal(401, "Invalid username or password.", X_Error_Code="RepoNotFound")
            return refusal(404, "Repository not found", X_Error_Code="RepoNotFound")
        if write and not self.world.may(request.token, repo, write=True):
            return refusal(403, "Forbidden")
        return repo

    def page(self, request: Request, items: Sequence[object], *, limit: int | None = None) -> Response:
        """One page of `items`, with a `Link` header to the next."""
        start = int(request.query.get("cursor", "0"))
        size = min(limit or LIST_LIMIT, self.world.page_size)
        answer = reply(list(items[start : start + size]))
        if start + size >= len(items):
            return answer
        query = urlencode({**request.query, "cursor": start + size})
        link = f'<{self.base}{request.path}?{query}>; rel="next"'
        return Response(answer.status, answer.body, {**(answer.headers or {}), "Link": link})

    def _git(self, request: Request) -> Response | None:
        found = re.match(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+?)(?:\.git)?/(info/refs|git-\w+-pack)$", request.path)
        if found is None:
            return None
        repo = self.world.repos.get(((found[1] or "models")[:-1], found[2]))
        pushing = "receive-pack" in request.raw_query + found[3]
        if repo is None or repo.git is None or not self.world.may(request.token, repo, write=pushing):
            if request.token is None:
                return Response(401, b"", {"WWW-Authenticate": 'Basic realm="Authentication required"'})
            return refusal(404, "Repository not found")
        status, headers, body = gitserver.answer(
            repo.git, method=request.method, tail=found[3], query=request.raw_query, headers=request.headers,
            body=request.body, user="writer" if pushing else "",
        )  # fmt: skip
        return Response(status, body, headers)


@_route("GET", "/api/whoami-v2")
def _whoami(routes: Routes, request: Request, _found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    return reply(routes.world.tokens[request.token])


@_route("GET", _REPO + "/auth-check(?P<write>/write)?")
def _auth_check(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=found["write"] is not None)
    if isinstance(repo, Response):
        return repo
    if repo.gated and not routes.world.may(request.token, repo, write=True):
        return refusal(403, "Access to this repository is restricted.", X_Error_Code="GatedRepo")
    return Response(200)


def _info(repo: Repo) -> Body:
    body: Body = {
        "_id": repo.object_id,
        "id": repo.id,
        "author": repo.namespace,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": repo.downloads,
        "likes": repo.likes,
        "createdAt": MOMENT,
        "lastModified": MOMENT,
        "sha": "7" * 40,
        "tags": [],
        "siblings": [],
        **repo.info,
    }
    if repo.type == "model":
        body["modelId"] = repo.id
    if repo.type == "space":
        body.setdefault("sdk", "docker")
    return body


@_route("GET", _REPO)
def _repo_info(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    return repo if isinstance(repo, Response) else reply(_info(repo))


@_route("GET", "/api/(?P<type>model|dataset|space)s")
def _listing(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    author = request.query.get("author")
    listed = [
        _info(repo)
        for repo in routes.world.repos.values()
        if repo.type == found["type"]
        and (author is None or repo.namespace == author)
        and routes.world.may(request.token, repo)
    ]
    return routes.page(request, listed, limit=int(request.query.get("limit", LIST_LIMIT)))


def _storage(repo: Repo) -> Body:
    return {
        "id": repo.id,
        "type": repo.type,
        "updatedAt": MOMENT,
        "visibility": repo.visibility,
        "storage": 0,
        "storagePercent": 0,
    }


@_route("GET", "/api/(?:organizations/(?P<name>[^/]+)/)?settings/repositories")
def _settings_repositories(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    who = routes.world.tokens[request.token]
    name = found["name"] or who["name"]
    if found["name"] and name not in [org["name"] for org in who.get("orgs", [])]:
        return refusal(403, "Forbidden")
    owned = [repo for repo in routes.world.repos.values() if repo.namespace == name]
    return routes.page(request, [_storage(repo) for repo in owned if routes.world.may(request.token, repo)])


@_route("POST", "/api/credentials/revoke")
def _revoke(routes: Routes, request: Request, _found: re.Match[str]) -> Response:
    sent = request.json()["credentials"]
    if not 1 <= len(sent) <= LIST_LIMIT or not all(1 <= len(value) <= 200 for value in sent):
        return refusal(400, "Bad request")
    routes.world.revoked.append(sent)
    for value in sent:
        routes.world.tokens.pop(value, None)
    return Response(202)


@_route("GET", "/api/organizations/(?P<name>[^/]+)/members")
def _members(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    return routes.page(request, routes.world.members.get(found["name"], []))


def register_all() -> None:
    """Adds the routes of the other modules; called once by the double."""
    from tests.hub import (  # noqa: PLC0415 - importing registers them, and they import this module
        routes_files,  # noqa: F401 - as above
        routes_logs,  # noqa: F401 - as above
        routes_organization,  # noqa: F401 - as above
        routes_owned,  # noqa: F401 - as above
        routes_repo_settings,  # noqa: F401 - as above
        routes_service_accounts,  # noqa: F401 - as above
    )
