"""The double's endpoints around repositories: Spaces' settings, discussions, Jobs, webhooks."""

from __future__ import annotations

import re

from tests.hub import gitserver
from tests.hub.routes import _REPO, Routes, _route, refusal
from tests.hub.server import Request, Response, reply
from tests.hub.state import MOMENT

_SPACE = r"/api/(?P<type>space)s/(?P<id>[^/]+/[^/]+)"
_NAME = re.compile(r"^[a-zA-Z][_a-zA-Z0-9]*$")
_DISCUSSIONS_A_PAGE = 10
_COMMITS_A_PAGE = 50
_IN_LISTS_ONLY = frozenset({"topReactions", "numReactionUsers", "numComments", "repoOwner"})
_IN_DETAILS_ONLY = frozenset(
    {"_id", "events", "locked", "collection", "isReport", "changes", "filesWithConflicts", "diff"}
)


@_route("GET", _SPACE + "/(?P<what>variables|secrets)")
def _settings(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    return reply(repo.variables if found["what"] == "variables" else repo.secrets)


@_route("POST", _SPACE + "/(?P<what>variables|secrets)")
def _set(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    body = request.json()
    if not _NAME.match(body["key"]):
        return refusal(400, "Invalid key")
    entry = {"key": body["key"], "updatedAt": routes.world.moment()}
    if "description" in body:
        entry["description"] = body["description"]
    if found["what"] == "variables":
        repo.variables[body["key"]] = {**entry, "value": body["value"]}
        return reply(repo.variables)
    repo.secrets[body["key"]] = entry
    repo.secret_values[body["key"]] = body["value"]
    return reply(repo.secrets)


@_route("DELETE", _SPACE + "/(?P<what>variables|secrets)")
def _unset(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    held = repo.variables if found["what"] == "variables" else repo.secrets
    held.pop(request.json()["key"], None)
    return reply(held)


@_route("POST", _SPACE + "/restart")
def _restart(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    repo.restarts += 1
    return reply(repo.runtime)


@_route("GET", _SPACE + "/runtime")
def _runtime(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    return repo if isinstance(repo, Response) else reply(repo.runtime)


@_route("GET", _REPO + "/discussions")
def _discussions(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    start = int(request.query.get("p", "0")) * _DISCUSSIONS_A_PAGE
    # As on the Hub: pinned ones first, then the most recently created.
    ordered = sorted(repo.discussions, key=lambda entry: entry["createdAt"], reverse=True)
    ordered.sort(key=lambda entry: not entry.get("pinned"))
    listed = [
        {key: value for key, value in entry.items() if key not in _IN_DETAILS_ONLY}
        for entry in ordered[start : start + _DISCUSSIONS_A_PAGE]
    ]
    return reply({"discussions": listed, "count": len(repo.discussions), "start": start, "numClosedDiscussions": 0})


@_route("GET", _REPO + r"/discussions/(?P<num>\d+)")
def _discussion(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    for entry in repo.discussions:
        if entry["num"] == int(found["num"]):
            return reply({key: value for key, value in entry.items() if key not in _IN_LISTS_ONLY})
    return refusal(404, "Not found")


@_route("GET", "/api/(?P<what>jobs|scheduled-jobs)/(?P<name>[^/]+)")
def _jobs(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    held = routes.world.jobs if found["what"] == "jobs" else routes.world.scheduled_jobs
    return routes.page(request, held.get(found["name"], []))


@_route("GET", "/api/settings/webhooks")
def _webhooks(routes: Routes, request: Request, _found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    return reply(routes.world.webhooks)


@_route("GET", _REPO + r"/commits/(?P<rev>.+)")
def _commits(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    """The commits of a branch: those that `commits` holds for it, else those of the git repository, in git's order."""
    repo = routes.repo(request, found)
    if isinstance(repo, Response):
        return repo
    limit = int(request.query.get("limit", _COMMITS_A_PAGE))
    if found["rev"] in repo.commits:
        return routes.page(request, repo.commits[found["rev"]], limit=limit)
    if repo.git is None:
        first = {"id": "7" * 40, "title": "start", "message": "", "date": MOMENT, "authors": []}
        return routes.page(request, [first], limit=limit)
    listed = gitserver.commits(repo.git, found["rev"])
    return refusal(404, "Revision not found") if listed is None else routes.page(request, listed, limit=limit)
