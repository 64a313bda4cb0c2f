"""Asking the Hub with the auditor's own token, and saying what could not be asked.

A touched credential is never used for these questions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.repo_access import invalid_repo_name
from tokenaudit.hub.repo_listing import HubRepository, RepoType
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.model import ReachedBy
from tokenaudit.model import Inspection, Skipped
from tokenaudit.secret import Secret
from tokenaudit.text import listed

T = TypeVar("T")


@dataclass
class HubQueries:
    """The identity used for queries, and their results.

    Args:
        hub: client for queries.
        secret: the auditor's own token; None for anonymous queries only.
        no_secret: why there is none, with the remedy.
        own: inspection of that token.
    """

    hub: Hub
    secret: Secret | None
    no_secret: str = ""
    own: Inspection | None = None
    skipped: list[Skipped] = field(default_factory=list)
    _not_put: list[str] = field(default_factory=list)
    _needing: list[str] = field(default_factory=list)

    @property
    def account(self) -> str | None:
        """Whose token asks."""
        return self.own.account.name if self.own is not None and self.own.account is not None else None

    def sees_private(self, namespace: str) -> bool:
        """Whether the asking account belongs to `namespace`, so that its private repositories may be listed."""
        orgs = self.own.orgs if self.own is not None else ()
        return self.secret is not None and namespace in {self.account, *(org.name for org in orgs)}

    def ask(
        self,
        where: str,
        permission: str,
        question: Callable[[Hub, Secret | None], T | Failure],
        *,
        anonymous: bool = False,
    ) -> T | None:
        """The response; None if there is none, which is reported for `where` with the required `permission`.

        With `anonymous` the query is sent even without a token.
        """
        if self.secret is None and not anonymous:
            self._needing.append(where)
            return None
        answer = question(self.hub, self.secret)
        if isinstance(answer, Failure):
            if answer.kind == "unavailable":
                self._not_put.append(where)
            else:
                self.skip(where, needs(answer, permission))
            return None
        if isinstance(answer, PagedListing) and answer.incomplete:
            self.skip(where, answer.incomplete)
        return answer

    def skip(self, where: str, reason: str) -> None:
        """Something that could not be asked, or only in part."""
        self.skipped.append(Skipped(where, reason))

    def all_skipped(self) -> tuple[Skipped, ...]:
        """Everything that could not be asked, what has one reason in one entry."""
        found = list(dict.fromkeys(self.skipped))
        for places, reason in (
            (self._needing, self.no_secret),
            (self._not_put, "not sent: the Hub did not answer earlier requests; run again"),
        ):
            if places:
                found.append(Skipped(listed(places, 1), reason))
        return tuple(found)


def open_queries(hub: Hub, touched: frozenset[str], inspected: Callable[[Secret], Inspection]) -> HubQueries:
    """A desk with the auditor's own token, unless there is none, the Hub refuses it, or it is itself touched.

    `touched` are the fingerprints that the incident touches.

    Raises:
        ConfigurationError: the token's place is there but can't be read.
    """
    own = hub.own
    if own is None:
        return HubQueries(hub, None, "needs a token: set HF_TOKEN, or store one with `tokenaudit auth set hf`")
    if own.secret.fingerprint in touched:
        reason = (
            f"your own token {own.secret.display} (from {own.origin}) is affected by the incident and not "
            "used; set HF_TOKEN to a new one"
        )
        return HubQueries(hub, None, reason)
    inspection = inspected(own.secret)
    if inspection.dead:
        reason = (
            f"your token {own.secret.display} (from {own.origin}) is {inspection.status}; set HF_TOKEN to a new one"
        )
        return HubQueries(hub, None, reason)
    return HubQueries(hub, own.secret, own=inspection)


_TYPES: tuple[RepoType, ...] = ("model", "dataset", "space", "bucket")


@dataclass(frozen=True)
class TimeWindow:
    """Changes at or after `since`; at most `limit` places are queried, and as many entries read of each list."""

    since: datetime
    limit: int

    def repositories(self, reached: list[ReachedBy], queries: HubQueries) -> list[HubRepository]:
        """The repositories and buckets to ask about: those whose names are ones, the most harmful first."""
        found: list[HubRepository] = []
        left = 0
        for repo in reached:
            kind = next((known for known in _TYPES if known == repo.type), None)
            if kind is None:
                queries.skip(f"{repo.type} {repo.id}", f"the Hub has no change history for a {repo.type}")
            elif "/" not in repo.id or invalid_repo_name(repo.id) is not None:
                queries.skip(f"{repo.type} {repo.id}", "invalid repository name")
            elif len(found) >= self.limit:
                left += 1
            else:
                found.append(HubRepository(kind, repo.id))
        if left:
            reason = f"only the first {self.limit} were checked; raise --limit for the rest"
            queries.skip(f"changes in {left} more writable repositories", reason)
        return found
