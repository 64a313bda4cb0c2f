"""The double's endpoints for administrators of an organization: its audit log, and shutting a token out of it.

Of the two forms of shutting out the real Hub may have only one.
"""

from __future__ import annotations

import re

from tests.hub.routes import Routes, _route, refusal
from tests.hub.server import Request, Response, reply

_TOKENS = "/api/organizations/(?P<name>[^/]+)/settings/tokens"


_PLANS = frozenset({"team", "enterprise", "plus"})
_MOST_EVENTS = 100_000


@_route("GET", "/api/organizations/(?P<name>[^/]+)/audit-log/export")
def _audit_log(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    """The last events, newest first, to administrators of a Team or Enterprise organization.

    `q` can name a type, author or ip.
    """
    if request.token is None:
        return refusal(401, "Invalid username or password.")
    orgs = {org["name"]: org for org in routes.world.tokens[request.token].get("orgs", [])}
    org = orgs.get(found["name"], {})
    if org.get("roleInOrg") != "admin" or org.get("plan") not in _PLANS:
        return refusal(403, "Forbidden")
    events = sorted(routes.world.audit_log.get(found["name"], []), key=lambda event: event["createdAt"], reverse=True)
    field, _, wanted = request.query.get("q", "").partition(":")
    chosen = {"type": lambda event: event["type"], "author": lambda event: event["author"]["user"],
              "ip": lambda event: event.get("ip")}  # fmt: skip
    if field in chosen:
        events = [event for event in events if chosen[field](event) == wanted]
    return reply(events[:_MOST_EVENTS])


@_route("POST", _TOKENS + "/revoke")
def _by_value(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if "value" not in routes.world.organization_forms:
        return refusal(404, "Not found")
    return _shut(routes, request, found["name"], request.json()["token"])


@_route("POST", _TOKENS + "/(?P<id>[0-9a-f]{24})/revoke")
def _by_id(routes: Routes, request: Request, found: re.Match[str]) -> Response:
    if "id" not in routes.world.organization_forms:
        return refusal(404, "Not found")
    return _shut(routes, request, found["name"], routes.world.token_ids.get(found["id"], ""))


def _shut(routes: Routes, request: Request, name: str, token: str) -> Response:
    admin = routes.world.tokens.get(request.token or "")
    roles = {org["name"]: org.get("roleInOrg") for org in admin.get("orgs", [])} if admin else {}
    if roles.get(name) != "admin":
        return refusal(403, "Forbidden")
    routes.world.shut_out.append((name, token))
    for org in routes.world.tokens.get(token, {}).get("orgs", []):
        if org["name"] == name:
            org["securityRestrictions"] = [*org.get("securityRestrictions", []), "token-revoked"]
    return Response(200)
