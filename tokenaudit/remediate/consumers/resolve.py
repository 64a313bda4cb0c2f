"""Parses the `--consumer` argument to a consumer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub import keyring
from tokenaudit.hub.client import Hub
from tokenaudit.hub.credentials import token_path
from tokenaudit.hub.platforms.github import PUBLIC_API
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL
from tokenaudit.remediate.consumers import Updater
from tokenaudit.remediate.consumers.dotenv import Dotenv
from tokenaudit.remediate.consumers.git_credential import GitCredential
from tokenaudit.remediate.consumers.github_secret import GithubSecret
from tokenaudit.remediate.consumers.gitlab_variable import GitlabVariable
from tokenaudit.remediate.consumers.keyring_entry import KeyringEntry
from tokenaudit.remediate.consumers.netrc import Netrc
from tokenaudit.remediate.consumers.plain_file import PlainFile
from tokenaudit.remediate.consumers.space_secret import SpaceSecret
from tokenaudit.remediate.consumers.token_store import TokenStore
from tokenaudit.remediate.grants import PUBLIC_HUB
from tokenaudit.secret import Secret

FORMS = (
    "space-secret:OWNER/SPACE#NAME",
    "github-secret:OWNER/REPOSITORY[@ENVIRONMENT]#NAME",
    "github-secret:ORGANIZATION#NAME",
    "gitlab-variable:GROUP/PROJECT[@SCOPE]#NAME",
    "gitlab-group-variable:GROUP[@SCOPE]#NAME",
    "token-store",
    "keyring:[SERVICE/]NAME",
    "git-credential:https://[USER@]huggingface.co[/PATH]",
    "netrc[:PATH]",
    "dotenv:PATH#NAME",
)
"""All forms of a consumer; the default of `#NAME` is `#HF_TOKEN`."""

DESTINATIONS = (
    "space:OWNER/SPACE:NAME",
    "github:OWNER/REPOSITORY[@ENVIRONMENT]:NAME",
    "github:ORGANIZATION:NAME",
    "gitlab:GROUP/PROJECT[@SCOPE]:NAME",
    "gitlab-group:GROUP[@SCOPE]:NAME",
    "keyring:[SERVICE/]NAME",
    "file:PATH",
)
"""All forms of a destination for a new value; the default of `:NAME` is `:HF_TOKEN`."""

_SPELLED = re.compile(r"(?P<kind>[a-z-]+)(?::(?P<place>[^#]*)(?:#(?P<name>[A-Za-z_][A-Za-z0-9_]*))?)?")
_WITH_SLASH = frozenset({"space-secret", "gitlab-variable"})


@dataclass(frozen=True)
class Owners:
    """What changing consumers requires: the auditor's tokens and the addresses of the services.

    Args:
        hub: the Hub, for Spaces.
        environment: `GITHUB_TOKEN`, `GITHUB_API_URL`, `GITLAB_TOKEN`, `GITLAB_URL` and the path of the token store.
    """

    hub: Hub
    environment: Mapping[str, str]

    def of(self, service: str) -> Secret:
        """The auditor's token for `github` or `gitlab`: from the environment, else the keyring.

        Raises:
            ConfigurationError: there is no token.
        """
        variable = f"{service.upper()}_TOKEN"
        value = self.environment.get(variable, "").strip()
        if value:
            return Secret(value)
        kept = keyring.read(service) if keyring.available() is not None else None
        if kept is None:
            message = f"{service} needs a token with write access: set {variable}, or store one in the keyring"
            raise ConfigurationError(message)
        return kept


def resolve(spelled: str, old: str, owners: Owners) -> Updater:
    """The consumer that `spelled` names; `old` is the fingerprint of its value.

    Raises:
        UsageError: the argument has none of the `FORMS`.
        ConfigurationError: one of the auditor's tokens is missing.
    """
    found = _SPELLED.fullmatch(spelled)
    if not found:
        raise _no_consumer(spelled)
    kind, name = found["kind"], found["name"] or "HF_TOKEN"
    place, part = found["place"] or "", ""
    if kind.startswith(("github-", "gitlab-")):
        place, _, part = place.partition("@")
    if kind == "token-store":
        return TokenStore(token_path(owners.environment), old)
    if kind == "netrc":
        return Netrc(_path(place, owners) if place else _usual_netrc(owners), _hosts(owners))
    if not place or (kind in _WITH_SLASH and "/" not in place):
        raise _no_consumer(spelled)
    if kind == "space-secret":
        return _space(place, name, owners, old)
    if kind == "github-secret":
        api = owners.environment.get("GITHUB_API_URL") or PUBLIC_API
        return GithubSecret(place, name, owners.of("github"), environment=part or None, api=api)
    if kind in {"gitlab-variable", "gitlab-group-variable"}:
        url = owners.environment.get("GITLAB_URL") or PUBLIC_URL
        group = kind == "gitlab-group-variable"
        return GitlabVariable(place, name, owners.of("gitlab"), scope=part or "*", group=group, url=url)
    return _local(kind, place, name, spelled, owners)


_DESTINATION = re.compile(r"(?P<kind>space|github|gitlab|gitlab-group):(?P<place>[^:#]+)(?::(?P<name>[A-Za-z_]\w*))?")


def destination(spelled: str, owners: Owners) -> Updater:
    """The consumer that a `--to` argument names.

    Raises:
        UsageError: the argument has none of the `DESTINATIONS`, or is a file inside a git repository.
        ConfigurationError: one of the auditor's tokens is missing.
    """
    kind, colon, place = spelled.partition(":")
    if kind == "keyring" and place:
        return KeyringEntry(place)
    if kind == "file" and place:
        file = PlainFile(_path(place, owners))
        refusal = file.refusal()
        if refusal is not None:
            raise UsageError(refusal)
        return file
    found = _DESTINATION.fullmatch(spelled)
    if not colon or not found:
        raise _no_destination(spelled)
    place, name = found["place"], found["name"] or "HF_TOKEN"
    if kind == "space":
        if place.count("/") != 1:
            raise _no_destination(spelled)
        return _space(place, name, owners)
    place, _, part = place.partition("@")
    if kind == "github":
        api = owners.environment.get("GITHUB_API_URL") or PUBLIC_API
        return GithubSecret(place, name, owners.of("github"), environment=part or None, api=api)
    if kind == "gitlab" and "/" not in place:
        raise _no_destination(spelled)
    url = owners.environment.get("GITLAB_URL") or PUBLIC_URL
    group = kind == "gitlab-group"
    return GitlabVariable(place, name, owners.of("gitlab"), scope=part or "*", group=group, url=url, creates=True)


def _no_destination(spelled: str) -> UsageError:
    message = f"invalid consumer {spelled!r}; use one of {', '.join(DESTINATIONS)}"
    return UsageError(message)


def _local(kind: str, place: str, name: str, spelled: str, owners: Owners) -> Updater:
    if kind == "keyring":
        return KeyringEntry(place)
    if kind == "git-credential":
        return GitCredential(place, owners.environment)
    if kind == "dotenv":
        return Dotenv(_path(place, owners), name)
    raise _no_consumer(spelled)


def _path(place: str, owners: Owners) -> Path:
    """A path, with a leading `~` expanded, which the shell does not do after `--consumer dotenv:`."""
    home = owners.environment.get("HOME") or str(Path.home())
    return Path(home + place[1:] if place.startswith(("~/", "~\\")) else place)


def _usual_netrc(owners: Owners) -> Path:
    named = owners.environment.get("NETRC")
    usual = _path("~/.netrc", owners)
    return _path(named, owners) if named else usual if usual.exists() else _path("~/_netrc", owners)


def _hosts(owners: Owners) -> tuple[str, ...]:
    return tuple(str(urlsplit(address).hostname) for address in (PUBLIC_HUB, owners.hub.endpoint))


def _space(place: str, name: str, owners: Owners, old: str | None = None) -> SpaceSecret:
    if owners.hub.own is None:
        message = f"{place} needs a token with write access: set HF_TOKEN"
        raise ConfigurationError(message)
    return SpaceSecret(owners.hub, place, name, owners.hub.own.secret, old)


def _no_consumer(spelled: str) -> UsageError:
    message = f"invalid consumer {spelled!r}; use one of {', '.join(FORMS)}"
    return UsageError(message)
