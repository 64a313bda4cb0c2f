"""Converts namespaces to tasks: what exists, what is in scope, and what could not be listed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from tokenaudit.errors import UsageError
from tokenaudit.git.command import without_password
from tokenaudit.hub import keyring
from tokenaudit.hub.endpoint import DEFAULT, origin, resolve_endpoint
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.platforms.github import PUBLIC_API
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL
from tokenaudit.hub.repo_access import is_namespace
from tokenaudit.hub.repo_listing import GIT_TYPES, HubRepository, administered, members, namespace_kind, repositories
from tokenaudit.hub.result import Failure
from tokenaudit.inventory.model import PlaceRecord
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.github_organization import GithubOrganization
from tokenaudit.sources.platforms.gitlab_group import GitlabGroup
from tokenaudit.sweep.config import SweepScope, Task
from tokenaudit.sweep.worker_context import WorkerContext

_NAMESPACE_ASPECTS = ("jobs", "webhooks", "endpoints", "collections")
_ORGANIZATION_ASPECTS = ("service-accounts", "organization")


@dataclass
class SweepPlan:
    """The tasks of a sweep.

    `listed` are the namespaces and types whose listing is complete: known places missing from it were removed.
    """

    tasks: list[Task] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    listed: list[tuple[str, str]] = field(default_factory=list)
    repositories: list[HubRepository] = field(default_factory=list)

    def removed(self, known: Sequence[PlaceRecord], scope: SweepScope) -> list[str]:
        """Return keys of known places of fully listed kinds that no longer exist.

        A repository is removed as a whole: an aspect that is read only on request is not removed without that request.
        """
        there = {place.target for task in self.tasks for place in task.places}
        return [
            place.key
            for place in known
            if (place.namespace, place.kind) in self.listed
            and place.target not in there
            and scope.covers(HubRepository(place.kind, place.target.partition("/")[2]))  # type: ignore[arg-type]
        ]


def plan(context: WorkerContext, scope: SweepScope) -> SweepPlan:
    """Request the contents of the namespaces from the Hub.

    Raises:
        UsageError: a namespace doesn't exist, the auditor's token is rejected, or the Hub doesn't respond.
    """
    made = SweepPlan()
    waiting = list(scope.namespaces)
    on_the_hub = any(platform_of(namespace) is None for namespace in waiting)
    me, plans = _me(context) if on_the_hub else (None, {})
    organizations = 0
    for namespace in waiting:
        if platform_of(namespace) is not None:
            tasks, missing = tasks_of(namespace)
            made.tasks += tasks
            made.skipped += missing
            continue
        owner = _owner(context, namespace)
        organizations += owner == "org"
        if scope.members and owner == "org" and namespace in scope.namespaces:
            waiting += [name for name in _members(context, namespace, made) if name not in waiting]
        _namespace(context, scope, made, namespace, owner, mine=namespace == me)
        if owner == "org" and context.secret is not None and not scope.narrow:
            made.tasks += _of_organization(namespace, plans.get(namespace, "unknown"))
    if scope.members and not organizations:
        message = "--members needs an organization; " + ", ".join(scope.namespaces) + " has no members"
        raise UsageError(message)
    for url in scope.urls:
        shown = without_password(url)
        made.tasks.append(Task(shown, (PlaceRecord("git", shown, "git", "git"),), url=url))
    return made


def _of_organization(name: str, plan: str | None) -> Iterator[Task]:
    """Yield the tasks that only a member of the organization can read."""
    for aspect in _ORGANIZATION_ASPECTS:
        yield Task(name, (PlaceRecord(name, f"{aspect}/{name}", aspect, aspect),), owner="org", plan=plan)


def _me(context: WorkerContext) -> tuple[str | None, dict[str, str | None]]:
    """Return the account of the auditor's token, and the plan of each of its organizations, None without one."""
    if context.secret is None:
        return None, {}
    answer = context.hub.whoami(context.secret)
    if isinstance(answer, Failure):
        if answer.status == 401:  # noqa: PLR2004 - HTTP status code
            message = "the Hub rejects your token; log in again with `hf auth login`, or use --no-token"
            raise UsageError(message)
        return None, {}
    body = answer.body if isinstance(answer.body, dict) else {}
    rows = body.get("orgs")
    orgs = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return text(body.get("name")) or None, {text(row.get("name")): text(row.get("plan")) or None for row in orgs}


def _owner(context: WorkerContext, namespace: str) -> str:
    if not is_namespace(namespace):
        message = f"invalid user or organization name {namespace!r}"
        raise UsageError(message)
    kind = namespace_kind(context.hub, namespace, context.secret)
    if not isinstance(kind, Failure):
        return kind
    if kind.status == 404:  # noqa: PLR2004 - as above
        message = f"user or organization {namespace} not found at {context.hub.endpoint}"
        raise UsageError(message)
    message = f"{namespace} can't be looked up at {context.hub.endpoint}: {needs(kind, 'a valid token')}"
    raise UsageError(message)


def _members(context: WorkerContext, organization: str, made: SweepPlan) -> Iterator[str]:
    answer = members(context.hub, organization, context.secret)
    if isinstance(answer, Failure):
        made.skipped.append(Skipped(f"members of {organization}", needs(answer, f"org.read on {organization}")))
        return
    if answer.incomplete:
        made.skipped.append(Skipped(f"members of {organization}", answer.incomplete))
    for item in answer:
        name = text(item.get("user"))
        if is_namespace(name):
            yield name


def _namespace(
    context: WorkerContext, scope: SweepScope, made: SweepPlan, namespace: str, owner: str, *, mine: bool
) -> None:
    found: dict[str, HubRepository] = {}
    for repo_type in scope.types:
        listing = repositories(context.hub, namespace, repo_type, context.secret)
        if isinstance(listing, Failure):
            reason = needs(listing, f"repo.content.read on {namespace}")
            made.skipped.append(Skipped(f"{repo_type}s of {namespace}", reason))
            continue
        found |= {repository.target: repository for repository in listing}
        if listing.incomplete:
            made.skipped.append(Skipped(f"{repo_type}s of {namespace}", listing.incomplete))
        else:
            made.listed.append((namespace, repo_type))
    if context.secret is not None and (owner == "org" or mine):
        for repository in _administered(context, made, namespace, owner):
            found.setdefault(repository.target, repository)
    for repository in sorted(found.values(), key=lambda repository: repository.target):
        if scope.covers(repository):
            made.repositories.append(repository)
            made.tasks.append(_of_repository(namespace, repository, logs=scope.logs))
    if not scope.narrow:
        aspects = [a for a in _NAMESPACE_ASPECTS if a != "endpoints" or _has_endpoints(context)]
        places = tuple(PlaceRecord(namespace, f"{aspect}/{namespace}", aspect, aspect) for aspect in aspects)
        kind = "org" if owner == "org" else "user"
        made.tasks += [Task(namespace, (place,), owner=kind, mine=mine) for place in places]  # type: ignore[arg-type]


def _administered(context: WorkerContext, made: SweepPlan, namespace: str, owner: str) -> Iterator[HubRepository]:
    listing = administered(context.hub, namespace, owner, context.secret)
    where = f"repositories of {namespace}"
    if isinstance(listing, Failure):
        reason = f"only public repositories were found: {needs(listing, f'membership of {namespace}')}"
        made.skipped.append(Skipped(where, reason))
        return
    if listing.incomplete:
        made.skipped.append(Skipped(where, listing.incomplete))
    yield from listing


def _has_endpoints(context: WorkerContext) -> bool:
    """Only the public Hub is known to have an inference endpoints service; any other must be configured."""
    return context.setup.service is not None or context.hub.endpoint == DEFAULT


def _of_repository(namespace: str, repository: HubRepository, *, logs: bool) -> Task:
    aspects = ["history", "discussions"] if repository.type in GIT_TYPES else ["bucket"]
    if repository.type == "space":
        aspects.append("settings")
        if logs and repository.sdk != "static":  # a static Space has no build and no process
            aspects.append("logs")
    places = (PlaceRecord(namespace, repository.target, repository.type, aspect) for aspect in aspects)
    return Task(namespace, tuple(places), repository)


_USERS = {"github": "x-access-token", "gitlab": "oauth2"}


def platform_of(namespace: str) -> str | None:
    """Return `github` or `gitlab` if `namespace` has that prefix, else None."""
    platform, colon, _ = namespace.partition(":")
    return platform if colon and platform in _USERS else None


def group_of(namespace: str) -> GithubOrganization | GitlabGroup:
    """Return the organization or group that `namespace` names, accessed with the auditor's own token for it.

    Raises:
        ConfigurationError: the extra isn't installed.
        EndpointError: a token must not be sent to the configured URL.
    """
    platform, _, name = namespace.partition(":")
    token = platform_token(platform)
    if platform == "github":
        return GithubOrganization(name, token, os.environ.get("GITHUB_API_URL") or PUBLIC_API)
    return GitlabGroup(name, token, os.environ.get("GITLAB_URL") or PUBLIC_URL)


def platform_token(platform: str) -> Secret | None:
    """Return `GITHUB_TOKEN` or `GITLAB_TOKEN`, else the keyring entry with the platform's name; None without either."""
    value = os.environ.get(f"{platform.upper()}_TOKEN", "").strip()
    if value:
        return Secret(value)
    return keyring.read(platform) if keyring.available() is not None else None


def tasks_of(namespace: str) -> tuple[list[Task], list[Skipped]]:
    """Return one task for the settings and one for each repository, and what could not be listed.

    Raises:
        UsageError: the repositories can't be listed.
    """
    group = group_of(namespace)
    made = [Task(namespace, (PlaceRecord(namespace, namespace, group.kind, "platform"),))]
    listing = group.clone_urls()
    for url in listing:
        shown = without_password(url)
        made.append(Task(namespace, (PlaceRecord(namespace, shown, "git", "git"),), url=shown))
    missing = [Skipped(f"{namespace}: repositories", listing.incomplete)] if listing.incomplete else []
    return made, missing


def with_password(namespace: str, url: str) -> str:
    """Return `url` with the auditor's token if it has the scheme, host and port of the token's platform."""
    platform = platform_of(namespace)
    if platform is None:
        return url
    try:
        parts = urlsplit(url)
        same = "@" not in parts.netloc and origin(url) == origin(_clone_address(platform))
    except ValueError:
        return url
    token = platform_token(platform) if same else None
    if token is None:
        return url
    return urlunsplit(parts._replace(netloc=f"{_USERS[platform]}:{quote(token.reveal(), safe='')}@{parts.netloc}"))


def _clone_address(platform: str) -> str:
    """Return the base URL of the platform's clone URLs.

    Raises:
        EndpointError: a token must not be sent to the configured URL.
    """
    if platform == "gitlab":
        return resolve_endpoint(os.environ.get("GITLAB_URL") or PUBLIC_URL, service="GitLab", setting="GITLAB_URL")
    api = resolve_endpoint(os.environ.get("GITHUB_API_URL") or PUBLIC_API, service="GitHub", setting="GITHUB_API_URL")
    return "https://github.com" if origin(api) == origin(PUBLIC_API) else api
