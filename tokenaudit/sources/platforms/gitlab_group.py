"""A GitLab group: its CI/CD variables and those of its projects. GitLab shows the values of all but hidden ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tokenaudit.errors import UsageError
from tokenaudit.hub.pagination import kept, text
from tokenaudit.hub.platforms import gitlab
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL, GitlabClient
from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.hub.result import PagedListing
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, SecretName
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined, first_likely, listed


class GitlabGroup:
    """The projects (those of subgroups included) and variables of one group, as `token` may see them.

    Raises:
        ConfigurationError: python-gitlab is not installed.
        EndpointError: a token may not be sent to `url`.
    """

    kind = "gitlab"

    def __init__(self, name: str, token: Secret | None, url: str = PUBLIC_URL) -> None:
        self.name = name
        self.target = f"gitlab:{name}"
        self._client = GitlabClient(token, url)

    def clone_urls(self) -> PagedListing[str]:
        """Of every project.

        Raises:
            UsageError: there is no such group, or GitLab gives no answer.
        """
        try:
            found = self._client.projects(self.name)
        except PlatformError as error:
            message = f"projects of {self.name} can't be listed: {error}; check GITLAB_TOKEN and GITLAB_URL"
            raise UsageError(message) from None
        return kept(found, sorted(one.clone_url for one in found if one.clone_url))

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Variables by name, and the credentials in those whose values GitLab shows."""
        yield from self._variables(run, self.target, gitlab.group(self.name), f"the role Maintainer in {self.name}")
        projects = yield from listed(f"{self.target}: projects", partial(self._client.projects, self.name))
        for project in projects:
            needed = f"the role Maintainer in {project.path}"
            yield from self._variables(run, f"gitlab:{project.path}", gitlab.project(project.id), needed)

    def _variables(self, run: ScanContext, target: str, place: str, needed: str) -> Iterator[Found]:
        variables = yield from listed(f"{target}: variables", partial(self._client.variables, place), needed)
        run.read(1, 0)
        for variable in variables:
            yield from _variable(run, target, variable)


def _variable(run: ScanContext, target: str, variable: Mapping[str, Any]) -> Iterator[Found]:
    value, scope = text(variable.get("value")), text(variable.get("environment_scope")) or "*"
    name = variable["key"] if scope == "*" else f"{variable['key']} ({scope})"
    found = list(examined(run, value, Location("gitlab-variable", target, name)))
    yield from found
    run.read(1, len(value))
    held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
    mark = held.secret.fingerprint if held else None
    yield SecretName(target, name, "gitlab-variable", None, text(variable.get("description")) or None, mark)
