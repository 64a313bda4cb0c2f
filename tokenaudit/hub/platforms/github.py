"""GitHub's REST API as plain data: repositories, Actions secrets and variables. Needs the extra `[github]`.

PyGithub authenticates, respects GitHub's rate limits and encrypts values. Its objects are not used: they follow URLs
in responses and complete themselves with additional requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tokenaudit._version import __version__
from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.pagination import text, with_items
from tokenaudit.hub.platforms.transport import (
    GuardedSession,
    PlatformError,
    listed,
    malformed,
    next_link,
    translated_errors,
)
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

if TYPE_CHECKING:
    from github.Requester import Requester

PUBLIC_API = "https://api.github.com"
_NAME = "GitHub"
_SETTING = "GITHUB_API_URL"
_PAGE_SIZE = 100
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_NOT_FOUND = 404
_OF_REPOSITORY = re.compile(r"/repos/[^/]+/[^/]+")


@dataclass(frozen=True)
class GithubRepository:
    """A repository: `owner/name` and its clone URL."""

    name: str
    clone_url: str


@dataclass(frozen=True)
class ActionsSecret:
    """An Actions secret as GitHub returns it, without its value. `visibility` is that of an organization's secret."""

    name: str
    updated_at: datetime | None
    visibility: str = ""


@dataclass(frozen=True)
class ActionsVariable:
    """An Actions variable; its value can be a credential."""

    name: str
    value: str
    updated_at: datetime | None


class GithubClient:
    """Client of the GitHub API at `api`, authenticated with `token` (None: anonymous).

    Owners of secrets and variables are API paths: see `organization`, `repository`, `environment`.

    Raises:
        ConfigurationError: PyGithub is not installed.
        EndpointError: a token must not be sent to `api`.
    """

    def __init__(self, token: Secret | None, api: str = PUBLIC_API) -> None:
        self._session = GuardedSession(_NAME, api, setting=_SETTING)
        self._requester = _requester(token, self._session)

    def repositories(self, organization: str) -> PagedListing[GithubRepository]:
        """Return the repositories of `organization` that the token can read.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"/orgs/{quote(organization, safe='')}/repos", None)
        found = [GithubRepository(text(item.get("full_name")), text(item.get("clone_url"))) for item in listing]
        return with_items(listing, [one for one in found if _REPOSITORY.fullmatch(one.name)])

    def environments(self, repository: str) -> PagedListing[str]:
        """Return the names of the environments of `repository` (`owner/name`).

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"/repos/{repository}/environments", "environments")
        return with_items(listing, [name for item in listing if (name := text(item.get("name")))])

    def secrets(self, place: str) -> PagedListing[ActionsSecret]:
        """Return the secrets at the API path `place`.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"{place}/secrets", "secrets")
        return with_items(listing, [one for item in listing if (one := _secret(item)).name])

    def variables(self, place: str) -> PagedListing[ActionsVariable]:
        """Return the variables at the API path `place`.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"{place}/variables", "variables")
        found = [
            ActionsVariable(text(item.get("name")), text(item.get("value")), parse_timestamp(item.get("updated_at")))
            for item in listing
        ]
        return with_items(listing, [one for one in found if one.name])

    def secret(self, place: str, name: str) -> ActionsSecret | None:
        """Return one secret of `place`; None if it doesn't exist.

        Raises:
            PlatformError: the request failed.
        """
        try:
            found = self._get(f"{place}/secrets/{quote(name, safe='')}")[0]
        except PlatformError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        one = _secret(found) if isinstance(found, dict) else ActionsSecret("", None)
        if not one.name:
            raise malformed(_NAME)
        return one

    def selected_repositories(self, place: str, name: str) -> PagedListing[tuple[int, str]]:
        """Return id and name of each repository that can use the secret `name` of the organization at `place`.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"{place}/secrets/{quote(name, safe='')}/repositories", "repositories")
        found = [(number, text(item.get("name"))) for item in listing if isinstance(number := item.get("id"), int)]
        return with_items(listing, found)

    def check_writable(self, place: str) -> None:
        """Check that secrets of `place` can be set: its public key is readable, and the token can push to it.

        Raises:
            PlatformError: the key can't be read, or GitHub says that the token can't push.
        """
        key = self._get(f"{place}/secrets/public-key")[0]
        if not isinstance(key, dict) or not text(key.get("key")):
            raise malformed(_NAME)
        found = _OF_REPOSITORY.match(place)
        if found is None:
            return
        try:
            repository_data = self._get(found.group())[0]
        except PlatformError as error:
            if error.status == _NOT_FOUND:
                return  # a token limited to secrets can't read the repository
            raise
        rights = repository_data.get("permissions") if isinstance(repository_data, dict) else None
        if isinstance(rights, dict) and not (rights.get("push") or rights.get("maintain") or rights.get("admin")):
            raise PlatformError(_NAME, Failure("refused", 403, "the token can't write to the repository"))

    def set_secret(self, place: str, name: str, value: Secret, extra: Mapping[str, object] | None = None) -> None:
        """Add or replace the secret `name` of `place`, encrypted with the public key of `place`.

        `extra` contains additional fields, such as the visibility of an organization's secret.

        Raises:
            PlatformError: GitHub rejects the value.
        """
        from github.PublicKey import encrypt  # noqa: PLC0415 - an extra

        key = self._get(f"{place}/secrets/public-key")[0]
        if not isinstance(key, dict) or not text(key.get("key")):
            raise malformed(_NAME)
        with translated_errors(_NAME):
            sealed = encrypt(key["key"], value.reveal())
            body = {"key_id": key.get("key_id"), "encrypted_value": sealed, **(extra or {})}
            url = f"{place}/secrets/{quote(name, safe='')}"
            self._requester.requestJsonAndCheck("PUT", url, input=body)

    def _listed(self, path: str, key: str | None) -> PagedListing[Mapping[str, Any]]:
        """Return every item at `path`, found under `key` of each page (None: the page is itself a list)."""

        def fetch(url: str) -> tuple[object, str | None]:
            body, following = self._get(url, {"per_page": _PAGE_SIZE} if url == path else None)
            return body if key is None else body.get(key) if isinstance(body, dict) else None, following

        return listed(_NAME, path, fetch)

    def _get(self, url: str, parameters: Mapping[str, Any] | None = None) -> tuple[Any, str | None]:
        """Return the parsed body at `url`, and the URL of the next page."""
        self._session.check(url)
        with translated_errors(_NAME):
            headers, body = self._requester.requestJsonAndCheck("GET", url, parameters=dict(parameters or {}))
            return body, next_link(headers.get("link"), self._session.url)


def organization(name: str) -> str:
    """Return the API path of an organization's Actions secrets and variables."""
    return f"/orgs/{quote(name, safe='')}/actions"


def repository(name: str) -> str:
    """Return the API path of the Actions secrets and variables of the repository `owner/name`."""
    return f"/repos/{quote(name)}/actions"


def environment(repository_name: str, name: str) -> str:
    """Return the API path of the secrets and variables of an environment of the repository `owner/name`."""
    return f"/repos/{quote(repository_name)}/environments/{quote(name, safe='')}"


def _secret(item: Mapping[str, Any]) -> ActionsSecret:
    return ActionsSecret(text(item.get("name")), parse_timestamp(item.get("updated_at")), text(item.get("visibility")))


def _requester(token: Secret | None, session: GuardedSession) -> Requester:
    """Return PyGithub's request sender, using `session` instead of its own sessions."""
    try:
        from github import Auth, Consts  # noqa: PLC0415 - an extra, and heavy
        from github.Requester import (  # noqa: PLC0415 - as above
            HTTPRequestsConnectionClass,
            HTTPSRequestsConnectionClass,
            Requester,
        )
    except ImportError:
        message = "PyGithub is not installed: pip install 'tokenaudit[github]'"
        raise ConfigurationError(message) from None

    class Plain(HTTPRequestsConnectionClass):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as in the library
            super().__init__(*arguments, **options)
            self.session = session

    class Encrypted(HTTPSRequestsConnectionClass):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as in the library
            super().__init__(*arguments, **options)
            self.session = session

    class GuardedRequester(Requester):
        """A separate subclass, because connection classes are set per class."""

    GuardedRequester.injectConnectionClasses(Plain, Encrypted)
    local = session.url.startswith("http://")
    return GuardedRequester(
        auth=Auth.Token(token.reveal()) if token is not None else None,
        base_url=session.url,
        timeout=Consts.DEFAULT_TIMEOUT,
        user_agent=f"tokenaudit/{__version__}",
        per_page=_PAGE_SIZE,
        verify=True,
        retry=None,  # the session retries
        pool_size=None,
        seconds_between_requests=None if local else 0.25,
        seconds_between_writes=None if local else 1.0,
        lazy=True,
    )
