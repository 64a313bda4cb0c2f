"""A GitHub organization: names and dates of Actions secrets, and variables with their values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tokenaudit.hub.platforms import github
from tokenaudit.hub.platforms.github import PUBLIC_API, GithubClient
from tokenaudit.hub.result import PagedListing
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import SecretName
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, clone_urls, listed, variable


class GithubOrganization:
    """The repositories and settings of one organization that `token` can read.

    Raises:
        ConfigurationError: PyGithub is not installed.
        EndpointError: a token must not be sent to `api`.
    """

    kind = "github"

    def __init__(self, name: str, token: Secret | None, api: str = PUBLIC_API) -> None:
        self.name = name
        self.target = f"github:{name}"
        self._client = GithubClient(token, api)

    def clone_urls(self) -> PagedListing[str]:
        """Return the clone URL of every repository.

        Raises:
            UsageError: the organization doesn't exist, or GitHub doesn't respond.
        """
        ask = partial(self._client.repositories, self.name)
        return clone_urls(ask, f"repositories of {self.name}", "GITHUB_TOKEN and GITHUB_API_URL")

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield secret names, variables and their credentials of the organization, its repositories, environments."""
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
        for each in variables:
            yield from variable(run, SecretName(target, each.name, "github-variable", each.updated_at), each.value)
        run.read(1, 0)
