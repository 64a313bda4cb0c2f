"""What all touched credentials together could reach: what was recorded, and what their namespaces own today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import is_namespace
from tokenaudit.hub.repo_listing import HubRepository, RepoType, repositories
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.incident.hub_queries import HubQueries
from tokenaudit.incident.model import Reached, ReachedBy
from tokenaudit.inspect.effective import namespace, namespaces_of
from tokenaudit.model import Entity, Inspection, Reach
from tokenaudit.secret import Secret
from tokenaudit.text import listed

_TYPES: tuple[RepoType, ...] = ("model", "dataset", "space", "bucket")


@dataclass(frozen=True)
class CredentialReach:
    """One affected credential, the latest response about its permissions (None: never queried), and its reach."""

    fingerprint: str
    display: str
    details: Inspection | None
    reach: Reach | None


@dataclass
class CombinedReach:
    """Everything reached: repositories by type and name, their namespaces, and what each credential holds of it."""

    repositories: dict[tuple[str, str], ReachedBy] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    organizations: set[str] = field(default_factory=set)
    admin_of: set[str] = field(default_factory=set)
    not_known: dict[str, None] = field(default_factory=dict)
    held: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)

    def add(self, repo: ReachedBy) -> None:
        """Adds a repository; write access wins, known facts are merged, credentials are united."""
        key = (repo.type, repo.id)
        for fingerprint in repo.credentials:
            mine = self.held.setdefault(fingerprint, {})
            mine[key] = "write" if "write" in (mine.get(key), repo.access) else "read"
        old = self.repositories.get(key)
        if old is None:
            self.repositories[key] = repo
            return
        self.repositories[key] = replace(
            old,
            access="write" if "write" in (old.access, repo.access) else "read",
            private=repo.private if old.private is None else old.private,
            gated=repo.gated if old.gated is None else old.gated,
            downloads=repo.downloads if old.downloads is None else old.downloads,
            credentials=tuple(dict.fromkeys((*old.credentials, *repo.credentials))),
        )

    def counts(self, fingerprint: str) -> tuple[int, int]:
        """How many repositories one credential could read, and how many write."""
        mine = self.held.get(fingerprint, {})
        return len(mine), sum(access == "write" for access in mine.values())

    def writable(self) -> list[ReachedBy]:
        """What could be written, the most harmful first."""
        return [repo for repo in self.by_harm() if repo.access == "write"]

    def by_harm(self) -> list[ReachedBy]:
        """Writable before readable, the most pulled first, private before public."""
        return sorted(
            self.repositories.values(),
            key=lambda repo: (repo.access == "read", -(repo.downloads or 0), not repo.private, repo.type, repo.id),
        )


def measure(credential_reaches: Sequence[CredentialReach], queries: HubQueries) -> CombinedReach:
    """Combines the reach of all credentials; namespaces are listed with the auditor's own token."""
    found = CombinedReach()
    listings: dict[str, list[HubRepository]] = {}
    silent: list[str] = []
    for credential_reach in credential_reaches:
        _recorded(credential_reach, found)
        if credential_reach.details is None:
            silent.append(credential_reach.display)
            continue
        _people(credential_reach.details, found)
        covered = namespaces_of(credential_reach.details)
        found.not_known.update(dict.fromkeys(covered.not_counted))
        for entity, access in covered.repositories:
            _name(entity, access, credential_reach.fingerprint, found)
        for area in covered.namespaces:
            found.namespaces.add(area.name)
            if area.name not in listings:
                listings[area.name] = _listed(area.name, queries, found)
            for repo in listings[area.name]:
                found.add(
                    ReachedBy(
                        repo.id, repo.type, area.access, repo.private, credentials=(credential_reach.fingerprint,)
                    )
                )
    if silent:
        found.not_known[f"reach of {listed(silent)}: permissions unknown"] = None
    return found


def summed(found: CombinedReach, limit: int) -> Reached:
    """The numbers, and at most `limit` repositories by name."""
    repos = found.by_harm()
    not_known = list(found.not_known)
    if len(repos) > limit:
        not_known.append(f"{len(repos) - limit} more repositories counted, but not listed (--limit)")
    if not repos and not_known:
        return Reached(None, None, None, None, admin_of=tuple(sorted(found.admin_of)), not_known=tuple(not_known))
    return Reached(
        readable=len(repos),
        writable=sum(repo.access == "write" for repo in repos),
        private=_how_many([repo.private for repo in repos]),
        gated=_how_many([repo.gated for repo in repos]),
        downloads_month=sum(repo.downloads or 0 for repo in repos if repo.access == "write"),
        repositories=tuple(repos[:limit]),
        admin_of=tuple(sorted(found.admin_of)),
        not_known=tuple(not_known),
    )


def _how_many(answers: Sequence[bool | None]) -> int | None:
    """How many are true; None where none of them is known."""
    return None if answers and all(answer is None for answer in answers) else sum(answer is True for answer in answers)


def _recorded(credential_reach: CredentialReach, found: CombinedReach) -> None:
    if credential_reach.reach is None:
        return
    found.not_known.update(dict.fromkeys(credential_reach.reach.not_counted))
    for repo in credential_reach.reach.repos:
        owner = namespace(Entity(repo.type, repo.id))
        if owner is not None and repo.access == "write":
            found.namespaces.add(owner)
        found.add(
            ReachedBy(
                repo.id,
                repo.type,
                repo.access,
                repo.private,
                repo.gated,
                repo.downloads,
                (credential_reach.fingerprint,),
            )
        )


def _people(details: Inspection, found: CombinedReach) -> None:
    # An application has no settings page of its own that anybody could look at.
    if details.account is not None and details.account.type != "app":
        (found.organizations if details.account.type == "org" else found.users).add(details.account.name)
    found.organizations.update(org.name for org in details.orgs)
    found.admin_of.update(org.name for org in details.orgs if org.role == "admin" and not org.restrictions)


def _name(entity: Entity, access: Literal["read", "write"], fingerprint: str, found: CombinedReach) -> None:
    name = entity.name or ""
    owner = namespace(entity)
    if owner is not None and access == "write":
        found.namespaces.add(owner)
    found.add(ReachedBy(name, entity.type, access, credentials=(fingerprint,)))


def _listed(name: str, queries: HubQueries, found: CombinedReach) -> list[HubRepository]:
    if not is_namespace(name):
        queries.skip(f"the repositories of {name}", "invalid user or organization name")
        return []
    repos: list[HubRepository] = []
    for repo_type in _TYPES:
        answer = queries.ask(
            f"{name}: its {repo_type}s", "repo.content.read", partial(_repositories, name, repo_type), anonymous=True
        )
        repos += answer or ()
    if not queries.sees_private(name):
        unseen = f"private repositories of {name}"
        found.not_known[unseen] = None
        queries.skip(unseen, f"needs a token of a member of {name}")
    return repos


def _repositories(
    name: str, repo_type: RepoType, hub: Hub, secret: Secret | None
) -> PagedListing[HubRepository] | Failure:
    return repositories(hub, name, repo_type, secret)
