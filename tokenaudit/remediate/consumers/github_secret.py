"""A secret of GitHub Actions: of a repository, an environment or an organization. Needs the extra `[github]`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.platforms import github
from tokenaudit.hub.platforms.github import PUBLIC_API, ActionsSecret, GithubClient
from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret


class GithubSecret:
    """The Actions secret `name` of `place`: `owner/repository`, an `environment` of it, or an organization.

    GitHub never returns a value, only the time of its last change, in seconds. For an organization's secret, visibility
    and the selected repositories are read first and written back: GitHub's default would make it visible to all.

    Raises:
        EndpointError: a token must not be sent to `api`.
    """

    kind = "github-secret"

    def __init__(
        self, place: str, name: str, owner: Secret, *, environment: str | None = None, api: str = PUBLIC_API
    ) -> None:
        self._place = place
        self._name = name
        self._environment = environment
        self._owner = owner
        self._api = resolve_endpoint(api, service="GitHub", setting="GITHUB_API_URL")

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"{self._place}{f' environment {self._environment}' if self._environment else ''} {self._name}"

    def look(self) -> ConsumerState:
        """See `Updater`."""
        try:
            stored = self._stored()
            if stored is None:
                return ConsumerState(exists=False)
            detail = "" if "/" in self._place else self._audience(stored)[0]
        except PlatformError as error:
            raise self._refused(error) from None
        return ConsumerState(exists=True, updated_at=stored.updated_at, detail=detail)

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`: reads the public key, which needs the same permission as an update."""
        del dry_run
        try:
            self._client.check_writable(self._holder)
            if "/" not in self._place and self._stored() is None:
                message = f"{self.where} does not exist; create it with its visibility first"
                raise ConsumerError(message)
        except PlatformError as error:
            raise self._refused(error) from None

    def update(self, _old: str, new: Secret) -> None:
        """See `Updater`."""
        try:
            extra: dict[str, object] = {}
            if "/" not in self._place:
                stored = self._stored()
                if stored is None:
                    message = f"{self.where} no longer exists; not changed"
                    raise ConsumerError(message)
                extra = self._audience(stored)[1]
            self._client.set_secret(self._holder, self._name, new, extra)
        except PlatformError as error:
            raise self._refused(error) from None

    def contents(self) -> Iterable[Content]:
        """See `Updater`: nothing, as GitHub shows no secret."""
        return ()

    @cached_property
    def _client(self) -> GithubClient:
        return GithubClient(self._owner, self._api)

    @property
    def _holder(self) -> str:
        if "/" not in self._place:
            return github.organization(self._place)
        if self._environment:
            return github.environment(self._place, self._environment)
        return github.repository(self._place)

    def _stored(self) -> ActionsSecret | None:
        return self._client.secret(self._holder, self._name)

    def _audience(self, stored: ActionsSecret) -> tuple[str, dict[str, object]]:
        """Who can use an organization's secret: in words, and as the fields of an update."""
        if stored.visibility != "selected":
            if not stored.visibility:
                message = f"{self.where}: GitHub did not return its visibility; not changed"
                raise ConsumerError(message)
            return f"visible to {stored.visibility}", {"visibility": stored.visibility}
        selected = self._client.selected_repositories(self._holder, self._name)
        if selected.incomplete:
            message = f"{self.where}: the list of selected repositories is incomplete: {selected.incomplete}"
            raise ConsumerError(message)
        names = ", ".join(name for _, name in selected)
        fields: dict[str, object] = {
            "visibility": "selected",
            "selected_repository_ids": [number for number, _ in selected],
        }
        return f"visible to selected{f': {names}' if names else ''}", fields

    def _refused(self, error: PlatformError) -> ConsumerError:
        message = f"{self.where} can't be read or changed: {error}; check your GitHub token and GITHUB_API_URL"
        return ConsumerError(message)
