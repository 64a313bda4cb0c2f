"""A GitHub organization: names and dates of Actions secrets, and variables, which GitHub shows with their values.

Needs the extra `[github]`. Limits and retries are PyGithub's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined, first_likely

if TYPE_CHECKING:
    from github import Github
    from github.Environment import Environment
    from github.Repository import Repository

PUBLIC_API = "https://api.github.com"
T = TypeVar("T")


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
        self._client = _client(token, resolve_endpoint(api))

    def clone_urls(self) -> list[str]:
        """Of every repository.

        Raises:
            UsageError: there is no such organization, or GitHub gives no answer.
        """
        found, failure = _tried(lambda: [r.clone_url for r in self._client.get_organization(self.name).get_repos()])
        if found is None:
            message = f"GitHub does not list the repositories of {self.name}: {failure}; set GITHUB_TOKEN"
            raise UsageError(message)
        return sorted(found)

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Secret names, variables and the credentials in them: of the organization, its repositories, environments."""
        organization = self._client.get_organization(self.name)
        yield from self._kept(run, self.target, organization, "admin:org on the organization")
        repositories, failure = _tried(lambda: list(organization.get_repos()))
        if repositories is None:
            yield Skipped(self.target, f"its repositories are not listed: {failure}")
            return
        for repository in repositories:
            target = f"github:{repository.full_name}"
            yield from self._kept(run, target, repository, f"repo on {repository.full_name}")
            environments, failure = _tried(partial(_environments, repository))
            if environments is None:
                yield Skipped(f"{target}: environments", f"{failure}; it needs repo on {repository.full_name}")
            for environment in environments or ():
                place = f"{target} environment {environment.name}"
                yield from self._kept(run, place, environment, f"repo on {repository.full_name}")

    def _kept(self, run: ScanContext, target: str, holder: Any, permission: str) -> Iterator[Found]:  # noqa: ANN401 - three kinds
        secrets, failure = _tried(lambda: list(holder.get_secrets()))
        if secrets is None:
            yield Skipped(f"{target}: secret names", f"{failure}; it needs {permission}")
        for secret in secrets or ():
            yield SecretName(target, secret.name, "github-secret", secret.updated_at)
        variables, failure = _tried(lambda: list(holder.get_variables()))
        if variables is None:
            yield Skipped(f"{target}: variables", f"{failure}; it needs {permission}")
        yield from _variables(run, target, ((v.name, v.value, v.updated_at) for v in variables or ()))
        run.read(1, 0)


def _environments(repository: Repository) -> list[Environment]:
    return list(repository.get_environments())


def _variables(run: ScanContext, target: str, variables: Iterable[tuple[str, str, Any]]) -> Iterator[Found]:
    for name, value, updated in variables:
        found = list(examined(run, value, Location("github-variable", target, name, date=updated)))
        yield from found
        run.read(1, len(value))
        held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
        mark = held.secret.fingerprint if held else None
        yield SecretName(target, name, "github-variable", updated, None, mark)


def _client(token: Secret | None, api: str) -> Github:
    try:
        from github import Auth, Github  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        message = "sweeping GitHub needs PyGithub: pip install 'tokenaudit[github]'"
        raise ConfigurationError(message) from None
    local = api.startswith("http://")
    return Github(
        auth=Auth.Token(token.reveal()) if token is not None else None,
        base_url=api,
        per_page=100,
        retry=None if local else 3,
        seconds_between_requests=None if local else 0.25,
    )


def _tried(ask: Callable[[], T]) -> tuple[T | None, str]:
    """What `ask` gives, or None and why not. Only the status: an exception's words may quote what was sent."""
    from github import GithubException  # noqa: PLC0415 - as above

    try:
        return ask(), ""
    except (GithubException, OSError) as error:
        status = getattr(error, "status", None)
        return None, f"GitHub answered {status}" if status else f"no answer ({type(error).__name__})"
