"""The double's two forms of shutting a token out of one organization, of which the real Hub may have only one."""

from __future__ import annotations

import re

from tests.hub.routes import Routes, _route, refusal
from tests.hub.server import Request, Response

_TOKENS = "/api/organizations/(?P<name>[^/]+)/settings/tokens"


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
