"""Reads the service accounts of an organization and their tokens from the Hub.

Unknown fields are ignored, but rights that are missing or have another form never count as "none".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.model import ServiceAccount, ServiceRepository, ServiceToken, Skipped
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

WITH_SERVICE_ACCOUNTS = frozenset({"enterprise", "plus", "academia", "unknown"})
"""The plans that include service accounts, as far as is known; `unknown` where whoami does not name the plan."""


@dataclass(frozen=True)
class AccountListing:
    """The accounts that could be read, and what could not. `failure` is set if not even a list was returned."""

    accounts: tuple[ServiceAccount, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    failure: Failure | None = None


def read_accounts(
    hub: Hub, organization: str, secret: Secret | None, progress: Callable[[int, int], None] | None = None
) -> AccountListing:
    """Return every service account with its tokens; one request per account.

    `progress` receives the number of accounts that were read and that of all.
    """
    where = f"service accounts of {organization}"
    listing = api.accounts(hub, organization, secret)
    if isinstance(listing, Failure):
        reason = needs(listing, f"{api.READ_PERMISSION} on {organization}")
        return AccountListing((), (Skipped(where, reason),), listing)
    skipped = [Skipped(where, listing.incomplete)] if listing.incomplete else []
    found: list[ServiceAccount] = []
    for number, row in enumerate(listing, start=1):
        name = text(row.get("name")) or text(row.get("_id"))
        answer = api.account(hub, organization, text(row.get("_id")), secret)
        if isinstance(answer, Failure):
            reason = needs(answer, f"{api.READ_PERMISSION} on {organization}")
            skipped.append(Skipped(f"tokens of the service account {name} of {organization}", reason))
            found.append(parse_account(organization, {**row, "accessTokens": []})[0])
        else:
            parsed, missing = parse_account(organization, answer)
            found.append(parsed)
            skipped += missing
        if progress is not None:
            progress(number, len(listing))
    named, unlisted = _with_names(hub, organization, secret, found)
    return AccountListing(tuple(named), (*skipped, *unlisted))


def read_account(hub: Hub, organization: str, account_id: str, secret: Secret | None) -> ServiceAccount | Failure:
    """Return one account with its tokens; the names of repositories are not looked up."""
    answer = api.account(hub, organization, account_id, secret)
    return answer if isinstance(answer, Failure) else parse_account(organization, answer)[0]


def parse_account(organization: str, row: JsonObject) -> tuple[ServiceAccount, list[Skipped]]:
    """Return the account that `row` describes, and which parts can't be read."""
    name = text(row.get("name")) or text(row.get("_id"))
    where = f"tokens of the service account {name} of {organization}"
    items = row.get("accessTokens")
    if not isinstance(items, list):
        return _account(organization, row, ()), [Skipped(where, "the Hub did not return a list of its tokens")]
    usable = [item for item in items if isinstance(item, dict) and text(item.get("_id"))]
    lost = len(items) - len(usable)
    skipped = [Skipped(where, f"{lost} invalid entries")] if lost else []
    tokens = tuple(parse_token(item) for item in usable)
    skipped += [
        Skipped(f"{where}: {token.name}", "some of its rights or times can't be read")
        for token in tokens
        if not token.details_known
    ]
    return _account(organization, row, tokens), skipped


def _account(organization: str, row: JsonObject, tokens: tuple[ServiceToken, ...]) -> ServiceAccount:
    return ServiceAccount(
        id=text(row.get("_id")),
        name=text(row.get("name")) or text(row.get("user")) or text(row.get("_id")),
        description=text(row.get("description")) or None,
        created_at=parse_timestamp(row.get("createdAt")),
        tokens=tokens,
        user=text(row.get("user")),
        organization=organization,
    )


def parse_token(item: JsonObject) -> ServiceToken:
    """Return the token that `item` describes."""
    lists = {key: _strings(item.get(key)) for key in ("permissions", "repoIds", "repoPermissions", "endpointPatterns")}
    times = {key: parse_timestamp(item.get(key)) for key in ("createdAt", "lastUsedAt", "expiration")}
    unread = any(time is None and item.get(key) is not None for key, time in times.items())
    skips = item.get("skipNetworkSecurity")
    inside = tuple(lists["repoPermissions"] or ())
    return ServiceToken(
        id=text(item.get("_id")),
        name=text(item.get("displayName")) or text(item.get("_id")),
        last4=text(item.get("last4")) or None,
        role=text(item.get("role")) or "unknown",
        created_at=times["createdAt"],
        last_used_at=times["lastUsedAt"],
        expires_at=times["expiration"],
        permissions=tuple(lists["permissions"] or ()),
        repositories=tuple(ServiceRepository(each, permissions=inside) for each in lists["repoIds"] or ()),
        endpoint_patterns=tuple(lists["endpointPatterns"] or ()),
        skips_network_security=skips is True,
        details_known=None not in lists.values() and not unread and skips in (None, True, False),
    )


def _strings(value: object) -> list[str] | None:
    """Return the strings of a list; None if it is not a list of strings."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return value


def _with_names(
    hub: Hub, organization: str, secret: Secret | None, accounts: Iterable[ServiceAccount]
) -> tuple[list[ServiceAccount], list[Skipped]]:
    """Return the accounts with the names of their tokens' repositories, which the Hub describes by id."""
    accounts = list(accounts)
    if not any(token.repositories for account in accounts for token in account.tokens):
        return accounts, []
    names, missing = api.repository_names(hub, organization, secret)
    skipped = [
        Skipped(
            where,
            "repositories of tokens are shown by id: "
            + (reason if isinstance(reason, str) else needs(reason, f"repo.content.read on {organization}")),
        )
        for where, reason in missing
    ]
    return [with_names(account, names) for account in accounts], skipped


def with_names(account: ServiceAccount, names: Mapping[str, tuple[str, str]]) -> ServiceAccount:
    """Return `account` with type and name of each repository whose id is in `names`."""
    tokens = []
    for token in account.tokens:
        repositories = []
        for each in token.repositories:
            kind, name = names.get(each.id, (None, None))
            repositories.append(replace(each, type=kind, name=name))
        tokens.append(replace(token, repositories=tuple(repositories)))
    return replace(account, tokens=tuple(tokens))
