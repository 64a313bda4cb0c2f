"""Namespaces of other platforms: `github:ORGANIZATION` and `gitlab:GROUP`."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit, urlunsplit

from tokenaudit.git.command import without_password
from tokenaudit.hub import keyring
from tokenaudit.hub.endpoint import origin, resolve_endpoint
from tokenaudit.hub.platforms.github import PUBLIC_API
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL
from tokenaudit.inventory.model import PlaceRecord
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.github_organization import GithubOrganization
from tokenaudit.sources.platforms.gitlab_group import GitlabGroup
from tokenaudit.sweep.config import Task

_USERS = {"github": "x-access-token", "gitlab": "oauth2"}


def platform_of(namespace: str) -> str | None:
    """`github` or `gitlab` where `namespace` starts so, else None."""
    platform, colon, _ = namespace.partition(":")
    return platform if colon and platform in _USERS else None


def group_of(namespace: str) -> GithubOrganization | GitlabGroup:
    """The organization or group that `namespace` names, asked with the auditor's own token for it.

    Raises:
        ConfigurationError: the extra isn't installed.
        EndpointError: a token may not be sent to the configured address.
    """
    platform, _, name = namespace.partition(":")
    token = platform_token(platform)
    if platform == "github":
        return GithubOrganization(name, token, os.environ.get("GITHUB_API_URL") or PUBLIC_API)
    return GitlabGroup(name, token, os.environ.get("GITLAB_URL") or PUBLIC_URL)


def platform_token(platform: str) -> Secret | None:
    """`GITHUB_TOKEN` or `GITLAB_TOKEN`, else what the keyring keeps under the platform's name; None without either."""
    value = os.environ.get(f"{platform.upper()}_TOKEN", "").strip()
    if value:
        return Secret(value)
    return keyring.read(platform) if keyring.available() is not None else None


def tasks_of(namespace: str) -> tuple[list[Task], list[Skipped]]:
    """One task for the settings, one for each repository; and what could not be listed.

    Raises:
        UsageError: the platform doesn't list the repositories.
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
    """`url` with the auditor's token for the platform, where it is of that platform's scheme, host and port."""
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
    """Where the platform's repositories are cloned from.

    Raises:
        EndpointError: a token may not be sent to the configured address.
    """
    if platform == "gitlab":
        return resolve_endpoint(os.environ.get("GITLAB_URL") or PUBLIC_URL, service="GitLab", setting="GITLAB_URL")
    api = resolve_endpoint(os.environ.get("GITHUB_API_URL") or PUBLIC_API, service="GitHub", setting="GITHUB_API_URL")
    return "https://github.com" if origin(api) == origin(PUBLIC_API) else api
