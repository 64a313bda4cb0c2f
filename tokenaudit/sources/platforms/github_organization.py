"""A GitHub organization: names and dates of Actions secrets, and variables, which GitHub shows with their values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tokenaudit.errors import UsageError
from tokenaudit.hub.pagination import kept
from tokenaudit.hub.platforms import github
from tokenaudit.hub.platforms.github import PUBLIC_API, ActionsVariable, GithubClient
from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.hub.result import PagedListing
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, SecretName
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined, first_likely, listed


class GithubOrganization:
    """The repositories and settings of one organization, as `token` may see them.

    Raises:
        ConfigurationError: PyGithub is not installed.
        EndpointError: a token may not be sent to `api`.
    """

    kind = "github"

    def __init__(self, name: str, token: Secret | None, api: str = PUBLIC_API) -> None:
        self.name = name
        self.target = f"github:{name}"
        self._client = GithubClient(token, api)

    def clone_urls(self) -> PagedListing[str]:
        """Of every repository.

        Raises:
            UsageError: there is no such organization, or GitHub gives no answer.
        """
        try:
            found = self._client.repositories(self.name)
        except PlatformError as error:
            message = f"repositories of {self.name} can't be listed: {error}; check GITHUB_TOKEN and GITHUB_API_URL"
            raise UsageError(message) from None
        return kept(found, sorted(one.clone_url for one in found if one.clone_url))

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Secret names, variables and the credentials in them: of the organization, its repositories, environments."""
        client = self._client
        needed = "admin:org on the organization"
        yield from self._stored(run, self.target, github.organization(self.name), needed)
        repositories = yield from listed(f"{self.target}: repositories", partial(client.repositories, self.name))
        for repository in repositories:
            target, needed = f"github:{repository.name}", f"repo on {repository.name}"
            yield from self._stored(run, target, github.repository(repository.name), needed)
            ask = partial(client.environments, repository.name)
            environments = yield from listed(f"{target}: environments", ask, needed)
            for name in environments:
                place = github.environment(repository.name, name)
                yield from self._stored(run, f"{target} environment {name}", place, needed)

    def _stored(self, run: ScanContext, target: str, place: str, needed: str) -> Iterator[Found]:
        secrets = yield from listed(f"{target}: secret names", partial(self._client.secrets, place), needed)
        for secret in secrets:
            yield SecretName(target, secret.name, "github-secret", secret.updated_at)
        variables = yield from listed(f"{target}: variables", partial(self._client.variables, place), needed)
        for variable in variables:
            yield from _variable(run, target, variable)
        run.read(1, 0)


def _variable(run: ScanContext, target: str, variable: ActionsVariable) -> Iterator[Found]:
    found = list(
        examined(run, variable.value, Location("github-variable", target, variable.name, date=variable.updated_at))
    )
    yield from found
    run.read(1, len(variable.value))
    held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
    mark = held.secret.fingerprint if held else None
    yield SecretName(target, variable.name, "github-variable", variable.updated_at, None, mark)
