"""The new token of `tokenaudit rotate` if it belongs to a service account: created with the API, without the form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenaudit.errors import UsageError
from tokenaudit.hub import service_accounts as api
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.model import Grant, ServiceAccount
from tokenaudit.remediate.rotation.journal import HaltedError, Journal
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.delivery import TokenDelivery
from tokenaudit.service_accounts.resolve import find_account, own_token
from tokenaudit.service_accounts.rights import TokenRights, express, with_ids
from tokenaudit.service_accounts.setup import look_up, token_state
from tokenaudit.text import listed


@dataclass
class ServiceAccountMaker:
    """Creates tokens in one service account; see `remediate.rotation.runner.TokenMaker`."""

    hub: Hub
    own: Secret
    account: ServiceAccount
    say: Callable[[str], None]
    now: Callable[[], datetime]

    def check(self, wanted: Sequence[Grant]) -> None:
        """See `TokenMaker`."""
        self._rights(wanted)

    def make(self, journal: Journal, wanted: Sequence[Grant]) -> Secret:
        """See `TokenMaker`."""
        organization = self.account.organization
        rights = self._rights(wanted)
        if journal.record.service_token is None:
            name = f"replaces {journal.record.display} {journal.record.fingerprint[:12]}"
            journal.change(service_token=token_state(self.account, name, rights))
        return self._delivery(journal, rights.grants(organization), self.say).create()

    def clean_up(self, journal: Journal) -> Sequence[str]:
        """See `TokenMaker`."""
        messages: list[str] = []
        self._delivery(journal, (), messages.append).delete_leftovers()
        return messages

    def _rights(self, wanted: Sequence[Grant]) -> TokenRights:
        organization = self.account.organization
        rights = express(wanted, organization)
        return with_ids(rights, lambda entity: look_up(self.hub, entity, organization, self.own))

    def _delivery(self, journal: Journal, grants: Sequence[Grant], say: Callable[[str], None]) -> TokenDelivery:
        return TokenDelivery(
            self.hub, self.own, self.account, grants, (), journal, lambda _what, _phrase: True, say, self.now
        )


def service_account_maker(
    hub: Hub, organization: str, account: str | None, say: Callable[[str], None], now: Callable[[], datetime]
) -> ServiceAccountMaker:
    """Return the maker for `account` of `organization`, by default its only one.

    Raises:
        UsageError: there is no such account, or several to choose from.
        HaltedError: the Hub denied access or did not answer.
    """
    own = own_token(hub)
    return ServiceAccountMaker(
        hub, own, find_account(hub, organization, account or _only(hub, organization, own), own), say, now
    )


def _only(hub: Hub, organization: str, own: Secret) -> str:
    listing = api.accounts(hub, organization, own)
    if isinstance(listing, Failure):
        message = f"service accounts of {organization}: {needs(listing, f'{api.READ_PERMISSION} on {organization}')}"
        raise HaltedError(message)
    if len(listing) != 1 or listing.incomplete:
        names = listed([text(row.get("name")) for row in listing])
        found = f"it has {names}" if names else "it has none"
        message = f"choose the service account with --service-account {organization}/ACCOUNT: {found}"
        raise UsageError(message)
    return text(listing.items[0].get("_id"))
