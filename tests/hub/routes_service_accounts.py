"""The double's service accounts and their tokens, as the OpenAPI document describes them.

A token of a service account is also a token of the world: it answers whoami, and its scope decides what it can do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.hub import bodies
from tests.hub.routes import Routes, _route, refusal
from tests.hub.server import Request, Response, reply
from tests.hub.state import MOMENT, Body, Repo, World
from tests.support.mint import Mint

PERMISSIONS = frozenset(
    {
        "repo.content.read", "repo.write", "inference.serverless.write", "inference.endpoints.infer.write",
        "inference.endpoints.write", "org.read", "org.write", "collection.read", "collection.write",
        "resourceGroup.write", "job.write", "org.serviceAccounts.read", "org.serviceAccounts.write",
    }
)  # fmt: skip
_REPOSITORY_PERMISSIONS = frozenset({"repo.content.read", "repo.write"})
_RIGHTS = ("permissions", "repoIds", "repoPermissions", "endpointPatterns")
_ACCOUNTS = "/api/organizations/(?P<org>[^/]+)/service-accounts"
_ACCOUNT = _ACCOUNTS + "/(?P<account>[^/]+)"
_TOKENS = _ACCOUNT + "/tokens"
_TOKEN = _TOKENS + "/(?P<token>[^/]+)"
_PATTERN = re.compile(r"[^.?()\]\\[{}]{1,256}")


def service_account(name: str, number: int = 1, **more: Any) -> Body:
    """An account without tokens; `number` makes its id."""
    return {
        "_id": f"{number:024x}",
        "user": f"{name}-bot",
        "name": name,
        "email": f"{name}@service.example.com",
        "createdAt": MOMENT,
        "accessTokens": [],
        **more,
    }


def service_token(name: str, number: int = 1, **more: Any) -> Body:
    """The metadata of a token with no rights; `number` makes its id."""
    return {
        "_id": f"{number + 0xA000:024x}",
        "displayName": name,
        "createdAt": MOMENT,
        "role": "fineGrained",
        "permissions": [],
        "repoIds": [],
        "repoPermissions": [],
        "endpointPatterns": [],
        "last4": "Ab12",
        **more,
    }


def live(world: World, org: str, account: Body, token: Body, value: str) -> str:
    """Makes `value` the value of `token`: it answers whoami as the account, and ends in `last4`."""
    token["last4"] = value[-4:]
    world.service_values[token["_id"]] = value
    world.tokens[value] = _identity(world, org, account, token)
    return value


def _identity(world: World, org: str, account: Body, token: Body) -> Body:
    scoped = [bodies.scope("org", token["permissions"], name=org)] if token["permissions"] else []
    by_id = {repo.object_id: repo for repo in world.repos.values()}
    scoped += [
        bodies.scope(repo.type, token["repoPermissions"], name=repo.id, entity_id=repo.object_id)
        for each in token["repoIds"]
        if (repo := by_id.get(each)) is not None
    ]
    auth = bodies.fine_grained(*scoped, name=token["displayName"], created=token["createdAt"])
    return bodies.user(auth, name=account["user"], orgs=[bodies.org(org, "write")], email=False)


def _account(routes: Routes, found: re.Match[str]) -> Body | None:
    rows = routes.world.service_accounts.get(found["org"], [])
    return next((row for row in rows if row["_id"] == found["account"]), None)


def _token(account: Body, found: re.Match[str]) -> Body | None:
    return next((row for row in account["accessTokens"] if row["_id"] == found["token"]), None)


def _refused(routes: Routes, request: Request, org: str, right: str) -> Response | None:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    who = routes.world.tokens[request.token]
    roles = {each["name"]: each.get("roleInOrg") for each in who.get("orgs", [])}
    access = who["auth"].get("accessToken", {})
    if access.get("role") == "fineGrained":
        scopes = access.get("fineGrained", {}).get("scoped", [])
        granted = {name for scope in scopes if scope["entity"].get("name") == org for name in scope["permissions"]}
        wanted = {right, "org.serviceAccounts.write"}
        return None if granted & wanted else refusal(403, f"missing permissions: {right}")
    if roles.get(org) != "admin" or access.get("role") not in {"write", "read"}:
        return refusal(403, f"missing permissions: {right}")
    return refusal(403, f"missing permissions: {right}") if access["role"] == "read" and "write" in right else None


def _reading(function: Callable[[Routes, Request, re.Match[str]], Response]) -> Callable[..., Response]:
    def route(routes: Routes, request: Request, found: re.Match[str]) -> Response:
        return _refused(routes, request, found["org"], "org.serviceAccounts.read") or function(routes, request, found)

    return route


def _writing(function: Callable[[Routes, Request, re.Match[str]], Response]) -> Callable[..., Response]:
    def route(routes: Routes, request: Request, found: re.Match[str]) -> Response:
        return _refused(routes, request, found["org"], "org.serviceAccounts.write") or function(routes, request, found)

    return route


@_route("GET", _ACCOUNTS)
@_reading
def _list(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    rows = routes.world.service_accounts.get(found["org"], [])
    return routes.page(request, [{k: v for k, v in row.items() if k != "accessTokens"} for row in rows])


@_route("GET", _ACCOUNT)
@_reading
def _one(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    account = _account(routes, found)
    return reply(account) if account is not None else refusal(404, "Service account not found")


def _invalid(body: Body, world: World, org: str) -> str | None:
    """Why the Hub rejects these rights."""
    if not set(body.get("permissions", [])) <= PERMISSIONS:
        return "invalid permissions"
    if not set(body.get("repoPermissions", [])) <= _REPOSITORY_PERMISSIONS:
        return "invalid repoPermissions"
    patterns = body.get("endpointPatterns", [])
    if len(patterns) > 20 or not all(_PATTERN.fullmatch(pattern) for pattern in patterns):
        return "invalid endpointPatterns"
    by_id: dict[str, Repo] = {repo.object_id: repo for repo in world.repos.values()}
    for each in body.get("repoIds", []):
        repo = by_id.get(each)
        if repo is None or (repo.namespace != org and repo.private):
            return "repository not found"
    return None


def _shown(token: Body, *keys: str) -> Body:
    return {key: token[key] for key in keys if key in token}


@_route("POST", _TOKENS)
@_writing
def _create(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    account, body = _account(routes, found), request.json()
    if account is None:
        return refusal(404, "Service account not found")
    wrong = _invalid(body, routes.world, found["org"])
    if wrong:
        return refusal(400, wrong)
    number = 100 + len(routes.world.service_mints)
    token = service_token(body.get("displayName", "API Token"), number)
    for key in _RIGHTS:
        token[key] = body.get(key, [])
    token["skipNetworkSecurity"] = body.get("skipNetworkSecurity", False)
    account["accessTokens"].append(token)
    value = live(routes.world, found["org"], account, token, _value(routes.world))
    info = _shown(token, "_id", "displayName", "createdAt", *_RIGHTS, "skipNetworkSecurity")
    return reply({"token": value, "tokenInfo": info}, 201)


@_route("PATCH", _TOKEN)
@_writing
def _update(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    account, body = _account(routes, found), request.json()
    token = _token(account, found) if account is not None else None
    if account is None or token is None:
        return refusal(404, "Token not found")
    wrong = _invalid(body, routes.world, found["org"])
    if wrong:
        return refusal(400, wrong)
    token.update(body)
    value = routes.world.service_values.get(token["_id"])
    if value is not None:
        live(routes.world, found["org"], account, token, value)
    return reply({"skipNetworkSecurity": False, **_shown(token, "_id", "displayName", *_RIGHTS)})


@_route("POST", _TOKEN + "/rotate")
@_writing
def _rotate(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    account = _account(routes, found)
    token = _token(account, found) if account is not None else None
    if account is None or token is None:
        return refusal(404, "Token not found")
    routes.world.tokens.pop(routes.world.service_values.pop(token["_id"], ""), None)
    if routes.world.rotation_changes_id:
        token["_id"] = f"{0xB000 + len(routes.world.service_mints):024x}"
    token["createdAt"] = routes.world.moment()
    token.pop("lastUsedAt", None)
    value = live(routes.world, found["org"], account, token, _value(routes.world))
    return reply({"token": value, "tokenInfo": _shown(token, "_id", "displayName", "createdAt", "last4")})


@_route("DELETE", _TOKEN)
@_writing
def _delete(routes: Routes, _request: Request, found: re.Match[str]) -> Response:
    account = _account(routes, found)
    token = _token(account, found) if account is not None else None
    if account is None or token is None:
        return refusal(404, "Token not found")
    account["accessTokens"].remove(token)
    routes.world.tokens.pop(routes.world.service_values.pop(token["_id"], ""), None)
    return Response(204)


def _value(world: World) -> str:
    value = Mint(f"service {len(world.service_mints)}").user_token()
    world.service_mints.append(value)
    return value


@_route("GET", "/api/organizations/(?P<org>[^/]+)/settings/network-security")
def _network(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    refused = _refused(routes, request, found["org"], "org.networkSecurity.read")
    if refused is not None:
        return refused
    rules = {
        "enforceAuth": False,
        "enforceIpRestriction": True,
        "highRateLimits": False,
        "ipRanges": ["203.0.113.0/24"],
        "blockedContents": [],
        "allowedContents": [],
        "keepReposMetadataVisible": False,
    }
    return reply({**rules, **routes.world.network_security.get(found["org"], {})})


@_route("GET", "/api/organizations/(?P<org>[^/]+)/resource-groups")
def _resource_groups(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    return reply(routes.world.resource_groups.get(found["org"], []))


@_route("GET", "/api/(?P<type>model|dataset)s/(?P<id>[^/]+/[^/]+)/user-access-request/pending")
def _access_requests(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    repo = routes.repo(request, found, write=True)
    if isinstance(repo, Response):
        return repo
    return routes.page(request, routes.world.access_requests.get(found["id"], []))
