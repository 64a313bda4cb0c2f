"""Namespaces of other platforms: `github:ORGANIZATION` and `gitlab:GROUP`."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit

from tokenaudit.git.command import without_password
from tokenaudit.hub import keyring
from tokenaudit.inventory.model import PlaceRecord
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.github_organization import PUBLIC_API, GithubOrganization
from tokenaudit.sources.platforms.gitlab_group import PUBLIC_URL, GitlabGroup
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


def tasks_of(namespace: str) -> list[Task]:
    """One task for the settings, one for each repository.

    Raises:
        UsageError: the platform doesn't list the repositories.
    """
    group = group_of(namespace)
    made = [Task(namespace, (PlaceRecord(namespace, namespace, group.kind, "platform"),))]
    for url in group.clone_urls():
        shown = without_password(url)
        made.append(Task(namespace, (PlaceRecord(namespace, shown, "git", "git"),), url=shown))
    return made


def with_password(namespace: str, url: str) -> str:
    """`url` with the auditor's token for the platform, where it is one of that very platform's host."""
    platform = platform_of(namespace)
    token = platform_token(platform) if platform is not None else None
    parts = urlsplit(url)
    if platform is None or token is None or parts.scheme != "https" or parts.hostname != _host(platform):
        return url
    return f"https://{_USERS[platform]}:{quote(token.reveal(), safe='')}@{parts.netloc}{parts.path}"


def _host(platform: str) -> str | None:
    if platform == "gitlab":
        return urlsplit(os.environ.get("GITLAB_URL") or PUBLIC_URL).hostname
    host = urlsplit(os.environ.get("GITHUB_API_URL") or PUBLIC_API).hostname
    return "github.com" if host == "api.github.com" else host
