"""The data model of an organization's token use, written as JSON field by field (`tokenaudit/usage/1`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.model import Severity, Skipped, Tool

UsageFlag: TypeAlias = Literal[
    "new-address-after-exposure", "new-country", "minted-token", "changed-secret", "deleted-token", "unknown-token"
]
"""What is unusual about a token's use.

`new-address-after-exposure` and `new-country`: seen after the exposure and never before. `minted-token`: the token was
used to create a token. `changed-secret`: it was used to change a secret. `deleted-token`: it was used to delete another
token, or no longer exists. `unknown-token`: its ID belongs to no known service account, Job or found credential."""

ACTIONS: Mapping[str, UsageFlag] = {
    "org.rotate_token": "minted-token",
    "org.service_account.token.create": "minted-token",
    "org.service_account.token.rotate": "minted-token",
    "repo.add_secret": "changed-secret",
    "repo.add_secrets": "changed-secret",
    "repo.update_secret": "changed-secret",
    "repo.remove_secret": "changed-secret",
    "repo.remove_secrets": "changed-secret",
    "org.settings.inference_providers.keys.add": "changed-secret",
    "org.settings.inference_providers.keys.remove": "changed-secret",
    "org.service_account.token.delete": "deleted-token",
    "org.service_account.delete": "deleted-token",
}
"""Flags by type of event (source of the types: the Hub's OpenAPI document)."""


@dataclass(frozen=True)
class FoundCredential:
    """A credential that a sweep or scan found. `exposed_at` is the earliest known time of one of its locations."""

    fingerprint: str
    last4: str
    exposed_at: datetime | None


@dataclass(frozen=True)
class KnownToken:
    """A token ID of a service account, Job or scheduled Job, which `where` and `name` identify."""

    token_id: str
    kind: Literal["service-account", "job", "scheduled-job"]
    where: str
    name: str = ""


@dataclass(frozen=True)
class AddressUse:
    """Use from one address. `location` and `country` are from the latest event that has them.

    `new` is whether it was seen after the exposure and never before it.
    """

    ip: str | None
    location: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    events: int
    country: str | None = None
    new: bool = False


@dataclass(frozen=True)
class UserAgentUse:
    """Use by one program, with the name that it sent."""

    user_agent: str
    first_seen: datetime | None
    last_seen: datetime | None
    events: int


@dataclass(frozen=True)
class LoggedEvent:
    """One event. `message` and `user_agent` are untrusted text."""

    at: datetime
    type: str
    message: str
    ip: str | None = None
    location: str | None = None
    user_agent: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class TokenUse:
    """Use of one token, or of one of its values: after a rotation, the same ID has other last four characters.

    `fingerprint` is that of the only found credential with these last four characters; if there are several, all are in
    `candidates`. `exposed_at` is the exposure of that credential. `owner` is the author of most events, `owners` counts
    the events of each author. `events` counts events by type, `days` by day (UTC). `after_exposure` lists the events
    after the exposure, oldest first, and `after_exposure_events` counts all of them. `deleted` is whether the token no
    longer exists. `known_as` says where the ID is known from. `total` counts all events, including types beyond a
    limit.
    """

    token_id: str | None
    type: str | None
    last4: str | None
    role: str | None
    fingerprint: str | None
    owner: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    events: Mapping[str, int]
    addresses: tuple[AddressUse, ...]
    after_exposure: tuple[LoggedEvent, ...]
    flags: tuple[UsageFlag, ...]
    severity: Severity = Severity.INFO
    candidates: tuple[str, ...] = ()
    exposed_at: datetime | None = None
    deleted: bool = False
    owners: Mapping[str, int] = field(default_factory=dict)
    user_agents: tuple[UserAgentUse, ...] = ()
    countries: tuple[str, ...] = ()
    days: Mapping[str, int] = field(default_factory=dict)
    after_exposure_events: int = 0
    known_as: tuple[KnownToken, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class LogSource:
    """One log that was read: its events, and how many of them another log already had."""

    name: str
    events: int
    duplicates: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


@dataclass(frozen=True)
class UsageReport:
    """What an audit log says about the use of tokens, the most severe first.

    `from_` and `to` are the dates of the oldest and newest event, `events` counts all distinct events and
    `without_token` those without a token. `not_in_log` are requested tokens that are not in the log. `complete` is
    False if events can be missing or something could not be read: `skipped` says what.
    """

    organization: str
    from_: datetime | None
    to: datetime | None
    events: int
    complete: bool
    tokens: tuple[TokenUse, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    without_token: int = 0
    not_in_log: tuple[str, ...] = ()
    logs: tuple[LogSource, ...] = ()
    sources: tuple[str, ...] = ()
    tool: Tool = field(default_factory=lambda: Tool("tokenaudit", ""))
    schema: Literal["tokenaudit/usage/1"] = "tokenaudit/usage/1"

    @property
    def severity(self) -> Severity:
        """The highest severity of a token."""
        return max((token.severity for token in self.tokens), key=lambda one: one.rank, default=Severity.INFO)

    @property
    def flagged(self) -> tuple[TokenUse, ...]:
        """Tokens with flags."""
        return tuple(token for token in self.tokens if token.flags)
