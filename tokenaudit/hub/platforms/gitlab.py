"""GitLab's REST API as plain data: a group's projects, CI/CD variables. Needs the extra `[gitlab]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

if TYPE_CHECKING:
    from gitlab import Gitlab

PUBLIC_URL = "https://gitlab.com"
_NAME = "GitLab"
_SETTING = "GITLAB_URL"
_PAGE_SIZE = 100
_FORBIDDEN = 403
_NOT_FOUND = 404
_WRITING_SCOPES = frozenset({"api", "granular"})
"""Scopes of a token that can change variables; what a `granular` token can do is not in its scopes."""


@dataclass(frozen=True)
class GitlabProject:
    """A project: its id, full path and clone URL."""

    id: int
    path: str
    clone_url: str


class GitlabClient:
    """Client of the GitLab API at `url`, authenticated with `token` (None: anonymous).

    Owners of variables are API paths: see `group` and `project`.

    Raises:
        ConfigurationError: python-gitlab is not installed.
        EndpointError: a token must not be sent to `url`.
    """

    def __init__(self, token: Secret | None, url: str = PUBLIC_URL) -> None:
        self._session = GuardedSession(_NAME, url, setting=_SETTING)
        self._gitlab = _client(token, self._session)

    def projects(self, name: str) -> PagedListing[GitlabProject]:
        """Return the projects of the group `name` and its subgroups that the token can read.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"{group(name)}/projects", {"include_subgroups": True})
        found = [
            GitlabProject(number, text(item.get("path_with_namespace")), text(item.get("http_url_to_repo")))
            for item in listing
            if isinstance(number := item.get("id"), int)
        ]
        return with_items(listing, [one for one in found if one.path])

    def variables(self, place: str) -> PagedListing[Mapping[str, Any]]:
        """Return the variables of `place`, each with a string as `key`.

        Raises:
            PlatformError: they can't be listed.
        """
        listing = self._listed(f"{place}/variables", {})
        return with_items(listing, [item for item in listing if text(item.get("key"))])

    def variable(self, place: str, name: str, scope: str) -> Mapping[str, Any] | None:
        """Return the variable `name` of `place` in the environment `scope`; None if it doesn't exist.

        Raises:
            PlatformError: the request failed.
        """
        try:
            found = self._get(_variable(place, name), {"filter": {"environment_scope": scope}})[0]
        except PlatformError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        if not isinstance(found, dict) or found.get("key") != name:
            raise malformed(_NAME)
        return found

    def check_writable(self, place: str) -> None:
        """Check that variables of `place` can be changed: they are readable, and the token has the scope `api`.

        GitLab shows variables only to maintainers and owners, but also to their tokens with the scope `read_api`. The
        scopes are those of https://docs.gitlab.com/api/personal_access_tokens/ for `self`, which personal, project and
        group access tokens have. Where GitLab doesn't show them, as for OAuth tokens, they are not checked.

        Raises:
            PlatformError: the variables or scopes can't be read, or the token can't change variables.
        """
        self.variables(place)
        try:
            found = self._get("/personal_access_tokens/self", {})[0]
        except PlatformError as error:
            if error.status in {_FORBIDDEN, _NOT_FOUND}:
                return
            raise
        scopes = found.get("scopes") if isinstance(found, dict) else None
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise malformed(_NAME)
        if _WRITING_SCOPES.isdisjoint(scopes):
            raise PlatformError(_NAME, Failure("refused", _FORBIDDEN, "the token lacks the scope api"))

    def set_variable(self, place: str, name: str, scope: str, body: Mapping[str, Any]) -> None:
        """Change the variable `name` of `place` in the environment `scope` to `body`.

        Raises:
            PlatformError: GitLab rejects the change.
        """
        with translated_errors(_NAME):
            self._gitlab.http_put(
                _variable(place, name),
                post_data=dict(body),
                query_data={"filter": {"environment_scope": scope}},
                obey_rate_limit=False,
            )

    def create_variable(self, place: str, name: str, scope: str, value: str) -> None:
        """Create the variable `name` of `place` in the environment `scope`: masked, and not expanded in scripts.

        Raises:
            PlatformError: GitLab rejects the variable.
        """
        body = {"key": name, "value": value, "environment_scope": scope, "masked": True, "raw": True}
        with translated_errors(_NAME):
            self._gitlab.http_post(f"{place}/variables", post_data=body, obey_rate_limit=False)

    def _listed(self, path: str, parameters: Mapping[str, Any]) -> PagedListing[Mapping[str, Any]]:
        def fetch(url: str) -> tuple[object, str | None]:
            return self._get(url, {"per_page": _PAGE_SIZE, **parameters} if url == path else {})

        return listed(_NAME, path, fetch)

    def _get(self, url: str, parameters: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Return the parsed body at `url`, and the URL of the next page."""
        self._session.check(url)
        with translated_errors(_NAME):
            # The session waits and retries within limits; the library would wait as long as the response requests.
            answer = self._gitlab.http_request("get", url, query_data=dict(parameters), obey_rate_limit=False)
            return answer.json(), next_link(answer.headers.get("link"), self._session.url)


def group(name: str) -> str:
    """Return the API path of a group's variables; `name` is its full path."""
    return f"/groups/{quote(name, safe='')}"


def project(name: str | int) -> str:
    """Return the API path of a project's variables; `name` is its full path or its id."""
    return f"/projects/{quote(str(name), safe='')}"


def _variable(place: str, name: str) -> str:
    return f"{place}/variables/{quote(name, safe='')}"


def _client(token: Secret | None, session: GuardedSession) -> Gitlab:
    try:
        from gitlab import Gitlab  # noqa: PLC0415 - an extra
    except ImportError:
        message = "python-gitlab is not installed: pip install 'tokenaudit[gitlab]'"
        raise ConfigurationError(message) from None
    return Gitlab(
        session.url,
        private_token=token.reveal() if token is not None else None,
        user_agent=f"tokenaudit/{__version__}",
        keep_base_url=True,
        session=session,
    )
