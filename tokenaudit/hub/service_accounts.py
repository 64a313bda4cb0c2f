"""Service accounts of an organization and their tokens.

Source: `/api/organizations/{name}/service-accounts` in the Hub's OpenAPI document. Reading needs
`org.serviceAccounts.read`, changing `org.serviceAccounts.write`. No endpoint returns a token's value a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, listed, malformed, text, with_items
from tokenaudit.hub.raw_request import change
from tokenaudit.hub.repo_access import invalid_repo_name, is_namespace
from tokenaudit.hub.result import Failure, PagedListing, Reply, Result
from tokenaudit.secret import Secret

READ_PERMISSION = "org.serviceAccounts.read"
WRITE_PERMISSION = "org.serviceAccounts.write"

MOST_PATTERNS = 20
"""Maximum number of endpoint patterns of a token."""

LONGEST_NAME = 100
"""Maximum length of a token's name in characters."""

_TYPES = ("model", "dataset", "space", "kernel")
"""The types of repositories whose ids the Hub returns; it returns none of a bucket."""


@dataclass(frozen=True)
class MintedToken:
    """A new value, which the Hub shows only once, and the token's id and metadata as loosely parsed JSON."""

    secret: Secret
    id: str
    info: JsonObject


def accounts(hub: Hub, organization: str, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return the service accounts of `organization`, without their tokens."""
    if not is_namespace(organization):
        return Failure("not-asked", None, "invalid organization name", 0)
    answer = listed(hub, _path(organization), secret)
    return (
        answer if isinstance(answer, Failure) else with_items(answer, [row for row in answer if text(row.get("_id"))])
    )


def account(hub: Hub, organization: str, account_id: str, secret: Secret | None) -> JsonObject | Failure:
    """Return one service account with its tokens, as `accessTokens`."""
    answer = hub.get(_path(organization, account_id), secret)
    if isinstance(answer, Failure):
        return answer
    return answer.body if isinstance(answer.body, dict) else malformed("a service account", answer.status)


def create(
    hub: Hub, organization: str, account_id: str, rights: Mapping[str, object], secret: Secret
) -> MintedToken | Failure:
    """Create a token. Not idempotent: after an unclear failure a token can exist whose value nobody knows."""
    path = f"{_path(organization, account_id)}/tokens"
    return _minted(change(hub, "POST", path, rights, secret, idempotent=False))


def rotate(hub: Hub, organization: str, account_id: str, token_id: str, secret: Secret) -> MintedToken | Failure:
    """Replace a token's value. The old one stops working AT ONCE. Not idempotent, as `create`."""
    path = f"{_token(organization, account_id, token_id)}/rotate"
    return _minted(change(hub, "POST", path, None, secret, idempotent=False))


def update(
    hub: Hub, organization: str, account_id: str, token_id: str, rights: Mapping[str, object], secret: Secret
) -> JsonObject | Failure:
    """Change a token's rights and return the token as the Hub then describes it."""
    answer = change(hub, "PATCH", _token(organization, account_id, token_id), rights, secret, idempotent=True)
    if isinstance(answer, Failure):
        return answer
    return answer.body if isinstance(answer.body, dict) else malformed("a token", answer.status)


def delete(hub: Hub, organization: str, account_id: str, token_id: str, secret: Secret) -> Result:
    """Delete a token. This can't be undone. A token that is already gone counts as deleted."""
    answer = change(hub, "DELETE", _token(organization, account_id, token_id), None, secret, idempotent=True)
    gone = isinstance(answer, Failure) and answer.status == 404  # noqa: PLR2004 - HTTP status code
    return Reply(204, None) if gone else answer


def repository_id(hub: Hub, kind: str, name: str, secret: Secret | None) -> str | Failure:
    """Return the id (24 hex digits) of the repository `name` of the type `kind`."""
    wrong = invalid_repo_name(name)
    if wrong is not None:
        return wrong
    if kind not in _TYPES:
        return Failure("not-asked", None, f"the Hub returns no id of a {kind}", 0)
    answer = hub.get(f"/api/{kind}s/{name}", secret)
    if isinstance(answer, Failure):
        return answer
    found = text(answer.body.get("_id")) if isinstance(answer.body, dict) else ""
    return found or Failure("malformed", answer.status, "the response has no id of the repository")


_MOST_SINGLE = 500
"""Maximum number of repositories that are requested one by one, where a listing has no ids."""


def repository_names(
    hub: Hub, organization: str, secret: Secret | None
) -> tuple[dict[str, tuple[str, str]], Sequence[tuple[str, Failure | str]]]:
    """Return type and name of the organization's repositories by id, and what could not be listed, with the reason."""
    found: dict[str, tuple[str, str]] = {}
    missing: list[tuple[str, Failure | str]] = []
    for kind in _TYPES[:3]:
        listing = listed(hub, f"/api/{kind}s", secret, {"author": organization, "limit": 1000})
        if isinstance(listing, Failure):
            missing.append((f"{kind}s of {organization}", listing))
            continue
        if listing.incomplete:
            missing.append((f"{kind}s of {organization}", listing.incomplete))
        without = [text(row.get("id")) for row in listing if text(row.get("id")) and not text(row.get("_id"))]
        if len(without) > _MOST_SINGLE:
            missing.append((f"{kind}s of {organization}", f"{len(without) - _MOST_SINGLE:,} are listed without an id"))
        single = ((repository_id(hub, kind, name, secret), name) for name in without[:_MOST_SINGLE])
        found |= {one: (kind, name) for one, name in single if not isinstance(one, Failure)}
        for row in listing:
            if text(row.get("_id")) and text(row.get("id")):
                found[text(row.get("_id"))] = kind, text(row.get("id"))
    return found, missing


def _minted(answer: Result) -> MintedToken | Failure:
    if isinstance(answer, Failure):
        return answer
    body: Any = answer.body if isinstance(answer.body, dict) else {}
    info = body.get("tokenInfo")
    value = text(body.get("token"))
    if not value or not isinstance(info, dict) or not text(info.get("_id")):
        return malformed("a token with its id", answer.status)
    return MintedToken(Secret(value), text(info.get("_id")), info)


def _path(organization: str, account_id: str | None = None) -> str:
    base = f"/api/organizations/{quote(organization, safe='')}/service-accounts"
    return base if account_id is None else f"{base}/{quote(account_id, safe='')}"


def _token(organization: str, account_id: str, token_id: str) -> str:
    return f"{_path(organization, account_id)}/tokens/{quote(token_id, safe='')}"
