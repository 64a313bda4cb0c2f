"""A GitLab group: its CI/CD variables and those of its projects. GitLab returns the values of all but hidden ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tokenaudit.hub.pagination import text
from tokenaudit.hub.platforms import gitlab
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL, GitlabClient
from tokenaudit.hub.result import PagedListing
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import SecretName
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, clone_urls, listed, variable


class GitlabGroup:
    """The projects (including those of subgroups) and variables of one group that `token` can read.

    Raises:
        ConfigurationError: python-gitlab is not installed.
        EndpointError: a token must not be sent to `url`.
    """

    kind = "gitlab"

    def __init__(self, name: str, token: Secret | None, url: str = PUBLIC_URL) -> None:
        self.name = name
        self.target = f"gitlab:{name}"
        self._client = GitlabClient(token, url)

    def clone_urls(self) -> PagedListing[str]:
        """Return the clone URL of every project.

        Raises:
            UsageError: the group doesn't exist, or GitLab doesn't respond.
        """
        ask = partial(self._client.projects, self.name)
        return clone_urls(ask, f"projects of {self.name}", "GITLAB_TOKEN and GITLAB_URL")

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield variables by name, and the credentials in those whose values GitLab returns."""
        yield from self._variables(run, self.target, gitlab.group(self.name), f"the role Maintainer in {self.name}")
        projects = yield from listed(f"{self.target}: projects", partial(self._client.projects, self.name))
        for project in projects:
            needed = f"the role Maintainer in {project.path}"
            yield from self._variables(run, f"gitlab:{project.path}", gitlab.project(project.id), needed)

    def _variables(self, run: ScanContext, target: str, place: str, needed: str) -> Iterator[Found]:
        variables = yield from listed(f"{target}: variables", partial(self._client.variables, place), needed)
        run.read(1, 0)
        for each in variables:
            scope = text(each.get("environment_scope")) or "*"
            name = each["key"] if scope == "*" else f"{each['key']} ({scope})"
            description = text(each.get("description")) or None
            named = SecretName(target, name, "gitlab-variable", description=description)
            yield from variable(run, named, text(each.get("value")))
