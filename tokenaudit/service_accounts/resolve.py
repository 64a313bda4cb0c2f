"""Finds an account and a token by id, unambiguous name or last four characters; the operator's own token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from tokenaudit.errors import UsageError
from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.repo_access import is_namespace
from tokenaudit.hub.result import Failure
from tokenaudit.model import ServiceAccount, ServiceToken
from tokenaudit.remediate.rotation.journal import HaltedError
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.read import read_account, with_names
from tokenaudit.text import did_you_mean, listed


def own_token(hub: Hub) -> Secret:
    """Return the operator's own token.

    Raises:
        UsageError: there is none.
    """
    if hub.own is None:
        message = f"service accounts need a token of your own with {api.READ_PERMISSION}; set HF_TOKEN"
        raise UsageError(message)
    return hub.own.secret


def organization_name(name: str) -> str:
    """Return `name` if it is a valid name for an organization.

    Raises:
        UsageError: the name is invalid.
    """
    if not is_namespace(name):
        message = f"invalid organization name {name!r}"
        raise UsageError(message)
    return name


def find_account(hub: Hub, organization: str, wanted: str, own: Secret) -> ServiceAccount:
    """Return the account with the id or the unambiguous name `wanted`, with its tokens and their repositories.

    Raises:
        UsageError: no account matches, or several do.
        HaltedError: the Hub denied access or did not answer.
    """
    listing = api.accounts(hub, organization_name(organization), own)
    if isinstance(listing, Failure):
        _stop_denied(f"service accounts of {organization}", listing, organization)
    by_id = [row for row in listing if text(row.get("_id")) == wanted]
    found = by_id or [row for row in listing if wanted in {text(row.get("name")), text(row.get("user"))}]
    if len(found) > 1:
        ids = listed([text(row.get("_id")) for row in found])
        message = f"{len(found)} service accounts of {organization} have the name {wanted!r}; pass an id: {ids}"
        raise UsageError(message)
    if not found:
        names = [text(row.get("name")) for row in listing]
        incomplete = f"; the list is incomplete: {listing.incomplete}" if listing.incomplete else ""
        hint = did_you_mean(wanted, names) or (f"; it has {listed(names)}" if names else "; it has none")
        message = f"no service account {wanted!r} in {organization}{hint}{incomplete}"
        raise UsageError(message)
    answer = read_account(hub, organization, text(found[0].get("_id")), own)
    if isinstance(answer, Failure):
        _stop_denied(f"the service account {wanted}", answer, organization)
    if not any(token.repositories for token in answer.tokens):
        return answer
    names_by_id, _missing = api.repository_names(hub, organization, own)
    return with_names(answer, names_by_id)


def find_token(account: ServiceAccount, wanted: str) -> ServiceToken:
    """Return the token with the id, the unambiguous name or the unambiguous last four characters `wanted`.

    Raises:
        UsageError: no token matches, or several do.
    """
    for found in (
        [token for token in account.tokens if token.id == wanted],
        [token for token in account.tokens if wanted in {token.name, token.last4}],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            ids = listed([f"{token.id} ({token.name})" for token in found])
            message = f"{len(found)} tokens of {account.name} match {wanted!r}; pass an id: {ids}"
            raise UsageError(message)
    names = [token.name for token in account.tokens]
    hint = did_you_mean(wanted, names) or (f"; it has {listed(_shown(account.tokens))}" if names else "; it has none")
    message = f"no token {wanted!r} in the service account {account.name}{hint}"
    raise UsageError(message)


def _shown(tokens: Sequence[ServiceToken]) -> list[str]:
    return [f"{token.name}{f' (…{token.last4})' if token.last4 else ''}" for token in tokens]


def _stop_denied(what: str, failure: Failure, organization: str) -> NoReturn:
    message = f"{what}: {needs(failure, f'{api.READ_PERMISSION} on {organization}')}; nothing was changed"
    raise HaltedError(message)
