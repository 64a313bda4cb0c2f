"""The repositories that an active credential can read and write, and how many people pull what it can change.

`not_counted` names what the numbers leave out: a limit reached, a list refused, a scope that names no repository.
`check_access` asks the Hub whether a credential opens one repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tokenaudit.errors import UsageError
from tokenaudit.hub import repo_listing
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, auth_check, invalid_repo_name
from tokenaudit.hub.result import Failure
from tokenaudit.inspect.effective import NamespaceAccess, namespaces_of
from tokenaudit.model import Entity, Inspection, Reach, ReachedRepo
from tokenaudit.secret import Secret

ReachLevel: TypeAlias = Literal["none", "summary", "full"]
"""Which queries are sent: none; the lists of each namespace; also the users of the most downloaded models."""

_WITH_DOWNLOADS: tuple[repo_listing.ListedType, ...] = ("model", "dataset", "space")


@dataclass(frozen=True)
class ReachLimits:
    """Bounds of one credential's reach: namespaces, repositories in each, models asked about, repositories shown."""

    namespaces: int = 20
    repositories: int = 1000
    models: int = 20
    shown: int = 100


@dataclass
class _Count:
    """What has been counted so far."""

    repos: dict[tuple[str, str], ReachedRepo] = field(default_factory=dict)
    not_counted: list[str] = field(default_factory=list)

    def add(self, repo: ReachedRepo) -> None:
        """Adds a repository; write access wins over read access to the same one."""
        known = self.repos.get((repo.type, repo.id))
        if known is None or (known.access == "read" and repo.access == "write"):
            self.repos[repo.type, repo.id] = repo


def reach(
    inspection: Inspection, secret: Secret, hub: Hub, level: ReachLevel = "summary", limits: ReachLimits | None = None
) -> Reach | None:
    """How far `secret` reaches; None where that was not asked for, or where the credential is not known to be live."""
    if level == "none" or inspection.status != "active":
        return None
    limits = limits or ReachLimits()
    count = _Count()
    found = namespaces_of(inspection)
    count.not_counted += found.not_counted
    for area in found.namespaces[: limits.namespaces]:
        _count_namespace(area, inspection, secret, hub, limits, count)
    if len(found.namespaces) > limits.namespaces:
        count.not_counted.append(f"{len(found.namespaces) - limits.namespaces} more organizations")
    for entity, access in found.repositories[: limits.repositories]:
        _count_repository(entity, access, secret, hub, count)
    if level == "full":
        _count_users(secret, hub, limits, count)
    return _summed(count, limits)


def _count_namespace(
    area: NamespaceAccess, inspection: Inspection, secret: Secret, hub: Hub, limits: ReachLimits, count: _Count
) -> None:
    own = inspection.account is not None and area.name == inspection.account.name
    listed = repo_listing.visible_repositories(hub, None if own else area.name, secret, limit=limits.repositories + 1)
    if isinstance(listed, Failure):
        count.not_counted.append(f"repositories of {area.name}: {listed.message}")
        return
    if listed.incomplete:
        count.not_counted.append(f"more repositories of {area.name}: {listed.incomplete}")
    if len(listed) > limits.repositories:
        count.not_counted.append(f"{area.name} has more than {limits.repositories} repositories")
    known: dict[tuple[str, str], repo_listing.Popularity] = {}
    for repo_type in _WITH_DOWNLOADS:
        if any(repo.type == repo_type for repo in listed):
            popular = repo_listing.popularity(hub, area.name, repo_type, secret, limit=limits.repositories)
            if isinstance(popular, Failure):
                count.not_counted.append(f"downloads of the {repo_type}s of {area.name}: {popular.message}")
            else:
                known.update({(repo_type, name): value for name, value in popular.items()})
    for repo in listed.items[: limits.repositories]:
        popular_one = known.get((repo.type, repo.id))
        count.add(
            ReachedRepo(
                repo.id,
                repo.type,
                area.access,
                private=repo.visibility == "private",
                downloads=popular_one.downloads if popular_one else None,
                gated=popular_one.gated if popular_one else None,
            )
        )


def _count_repository(
    entity: Entity, access: Literal["read", "write"], secret: Secret, hub: Hub, count: _Count
) -> None:
    name = entity.name or ""
    if entity.type not in ("model", "dataset", "space"):
        count.add(ReachedRepo(name, entity.type, access))
        return
    popular = repo_listing.one(hub, name, entity.type, secret)  # type: ignore[arg-type]  # narrowed by the line above
    if isinstance(popular, Failure):
        count.not_counted.append(f"{entity.type} {name}: {popular.message}")
        count.add(ReachedRepo(name, entity.type, access))
        return
    count.add(ReachedRepo(name, entity.type, access, popular.private, popular.downloads, popular.gated))


def _count_users(secret: Secret, hub: Hub, limits: ReachLimits, count: _Count) -> None:
    """Asks who builds on the writable models that are pulled most."""
    models = [repo for repo in _by_harm(count) if repo.type == "model" and repo.access == "write"]
    for repo in models[: limits.models]:
        used = repo_listing.usage(hub, repo.id, secret)
        if isinstance(used, Failure):
            count.not_counted.append(f"dependents of {repo.id}: {used.message}")
        else:
            count.repos[repo.type, repo.id] = replace(repo, children=used.children, spaces=used.spaces)
    if len(models) > limits.models:
        count.not_counted.append(f"dependents of {len(models) - limits.models} more models")


def _by_harm(count: _Count) -> list[ReachedRepo]:
    """Writable before readable, the most pulled first."""
    return sorted(
        count.repos.values(),
        key=lambda repo: (repo.access == "read", -(repo.downloads or 0), not repo.private, repo.type, repo.id),
    )


def _summed(count: _Count, limits: ReachLimits) -> Reach:
    repos = _by_harm(count)
    if len(repos) > limits.shown:
        count.not_counted.append(f"{len(repos) - limits.shown} more repositories counted, but not listed")
    return Reach(
        readable=len(repos),
        writable=sum(repo.access == "write" for repo in repos),
        downloads_month=sum(_downloads(repos)),
        repos=tuple(repos[: limits.shown]),
        private=sum(repo.private is True for repo in repos),
        gated=sum(repo.gated is True for repo in repos),
        not_counted=tuple(dict.fromkeys(count.not_counted)),
    )


def _downloads(repos: list[ReachedRepo]) -> Iterator[int]:
    return (repo.downloads or 0 for repo in repos if repo.access == "write")


_FOLDERS: dict[str, GitRepoType] = {"": "model", "models/": "model", "datasets/": "dataset", "spaces/": "space"}
_NAMED = re.compile(r"(models/|datasets/|spaces/|)([^/]+/[^/]+)")


@dataclass(frozen=True)
class NamedRepo:
    """A repository named by the user."""

    id: str
    type: GitRepoType


def named_repo(text: str) -> NamedRepo:
    """`owner/name` for a model, else `datasets/owner/name` or `spaces/owner/name`.

    Raises:
        UsageError: `text` is neither.
    """
    found = _NAMED.fullmatch(text)
    if found is None or invalid_repo_name(found[2]) is not None:
        message = f"invalid repository {text!r}; use owner/name, datasets/owner/name or spaces/owner/name"
        raise UsageError(message)
    return NamedRepo(found[2], _FOLDERS[found[1]])


def check_access(secret: Secret, hub: Hub, repos: Sequence[NamedRepo], reach: Reach | None = None) -> Reach:
    """`reach` with what `secret` can really do in each of `repos`; nothing is changed by asking.

    What was proven replaces what was deduced. A repository that it can't open is not among the result's; one that the
    Hub gave no answer about is among what was not counted.
    """
    known = reach or Reach(not_counted=("everything except the named repositories",))
    held = {(repo.type, repo.id): repo for repo in known.repos}
    open_questions = list(known.not_counted)
    for repo in repos:
        was = held.pop((repo.type, repo.id), ReachedRepo(repo.id, repo.type, "read"))
        write = auth_check(hub, repo.id, repo.type, secret, write=True)
        read = write if write.allowed else auth_check(hub, repo.id, repo.type, secret)
        if write.allowed:
            held[repo.type, repo.id] = replace(was, access="write")
        elif read.allowed:
            held[repo.type, repo.id] = replace(was, access="read")
        for wanted, access in (("write", write), ("read", read)):
            if access.allowed is None:
                open_questions.append(f"access to {repo.type} {repo.id} ({wanted}): {access.reason}")
    if reach is None:
        writable = sum(repo.access == "write" for repo in held.values())
        known = replace(known, readable=len(held), writable=writable)
    return replace(known, repos=tuple(held.values()), not_counted=tuple(dict.fromkeys(open_questions)))
