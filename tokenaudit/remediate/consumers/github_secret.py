"""A secret of GitHub Actions: of a repository, an environment or an organization. Needs the extra `[github]`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.remediate.consumers.interface import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from github import Github
    from github.OrganizationSecret import OrganizationSecret
    from github.Repository import Repository
    from github.Secret import Secret as StoredSecret

PUBLIC_API = "https://api.github.com"


class GithubSecret:
    """The Actions secret `name` of `place`: `owner/repository`, an `environment` of it, or an organization.

    GitHub never tells a value, only when it was last changed, to the second. For an organization's secret, visibility
    and the selected repositories are read first and written back: GitHub's own default would show it to all.
    """

    kind = "github-secret"

    def __init__(
        self, place: str, name: str, owner: Secret, *, environment: str | None = None, api: str = PUBLIC_API
    ) -> None:
        self._place = place
        self._name = name
        self._environment = environment
        self._owner = owner
        self._api = resolve_endpoint(api)
        self._made: Github | None = None

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"{self._place}{f' environment {self._environment}' if self._environment else ''} {self._name}"

    def look(self) -> ConsumerState:
        """See `interface.Updater`."""
        from github import GithubException, UnknownObjectException  # noqa: PLC0415 - an extra, and heavy

        try:
            held = self._held()
            if "/" in self._place or held is None:
                return ConsumerState(exists=held is not None, updated_at=held.updated_at if held else None)
            visibility, selected = self._audience()
        except UnknownObjectException:
            return ConsumerState(exists=False)
        except (GithubException, OSError) as error:
            raise self._refused(error) from None
        return ConsumerState(
            exists=True,
            updated_at=held.updated_at,
            detail=f"visible to {visibility}" + (f": {', '.join(r.name for r in selected)}" if selected else ""),
        )

    def update(self, _old: str, new: Secret) -> None:
        """See `interface.Updater`."""
        from github import GithubException  # noqa: PLC0415 - as above

        try:
            if "/" in self._place:
                repository = self._repository()
                target = repository.get_environment(self._environment) if self._environment else repository
                target.create_secret(self._name, new.reveal())
                return
            visibility, selected = self._audience()
            organization = self._github().get_organization(self._place)
            if visibility == "selected":
                organization.create_secret(self._name, new.reveal(), visibility, selected)
            else:
                organization.create_secret(self._name, new.reveal(), visibility)
        except (GithubException, OSError) as error:
            raise self._refused(error) from None

    def contents(self) -> Iterable[Content]:
        """See `interface.Updater`: nothing, as GitHub shows no secret."""
        return ()

    def _github(self) -> Github:
        if self._made is None:
            try:
                from github import Auth, Github  # noqa: PLC0415 - as above
            except ImportError:
                message = "updating secrets at GitHub needs PyGithub: pip install 'tokenaudit[github]'"
                raise ConfigurationError(message) from None
            local = self._api.startswith("http://")
            self._made = Github(
                auth=Auth.Token(self._owner.reveal()),
                base_url=self._api,
                lazy=True,  # asks for what is needed, not for every parent first
                retry=None if local else 3,
                seconds_between_requests=None if local else 0.25,
                seconds_between_writes=None if local else 1.0,
            )
        return self._made

    def _repository(self) -> Repository:
        return self._github().get_repo(self._place)

    def _held(self) -> StoredSecret | OrganizationSecret | None:
        if "/" not in self._place:
            return self._github().get_organization(self._place).get_secret(self._name)
        if self._environment:
            secrets = self._repository().get_environment(self._environment).get_secrets()
            return next((s for s in secrets if s.name == self._name), None)
        secret = self._repository().get_secret(self._name)
        _ = secret.updated_at  # a missing secret answers 404 here
        return secret

    def _audience(self) -> tuple[str, list[Repository]]:
        secret = self._github().get_organization(self._place).get_secret(self._name)
        selected = list(secret.selected_repositories) if secret.visibility == "selected" else []
        return secret.visibility, selected

    def _refused(self, error: Exception) -> ConsumerError:
        # Only the status: the words of an exception may quote what was sent.
        status = getattr(error, "status", None)
        reason = f"GitHub answered {status}" if status else f"no answer ({type(error).__name__})"
        message = f"{self.where} can't be read or changed: {reason}; check your token for GitHub"
        return ConsumerError(message)
