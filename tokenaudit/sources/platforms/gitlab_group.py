"""A GitLab group: its CI/CD variables and those of its projects. GitLab shows the values of all but hidden ones.

Needs the extra `[gitlab]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined, first_likely

if TYPE_CHECKING:
    from gitlab import Gitlab

PUBLIC_URL = "https://gitlab.com"
T = TypeVar("T")


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
        self._client = _client(token, resolve_endpoint(url))

    def clone_urls(self) -> list[str]:
        """Of every project.

        Raises:
            UsageError: there is no such group, or GitLab gives no answer.
        """
        found, failure = _tried(lambda: [project.http_url_to_repo for project in self._projects()])
        if found is None:
            message = f"GitLab does not list the projects of {self.name}: {failure}; set GITLAB_TOKEN"
            raise UsageError(message)
        return sorted(found)

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Variables by name, and the credentials in those whose values GitLab shows."""
        group = self._client.groups.get(self.name, lazy=True)
        yield from self._variables(run, self.target, group, f"the role Maintainer in {self.name}")
        projects, failure = _tried(self._projects)
        if projects is None:
            yield Skipped(self.target, f"its projects are not listed: {failure}")
        for project in projects or ():
            path = project.path_with_namespace
            whole = self._client.projects.get(project.id, lazy=True)
            yield from self._variables(run, f"gitlab:{path}", whole, f"the role Maintainer in {path}")

    def _projects(self) -> list[Any]:
        group = self._client.groups.get(self.name, lazy=True)
        return list(group.projects.list(iterator=True, include_subgroups=True, per_page=100))

    def _variables(self, run: ScanContext, target: str, holder: Any, permission: str) -> Iterator[Found]:  # noqa: ANN401 - two kinds
        variables, failure = _tried(lambda: list(holder.variables.list(iterator=True, per_page=100)))
        if variables is None:
            yield Skipped(f"{target}: variables", f"{failure}; it needs {permission}")
            return
        run.read(1, 0)
        for variable in variables:
            value = getattr(variable, "value", None) or ""
            scope = getattr(variable, "environment_scope", "*")
            name = variable.key if scope == "*" else f"{variable.key} ({scope})"
            found = list(examined(run, value, Location("gitlab-variable", target, name)))
            yield from found
            run.read(1, len(value))
            held = first_likely([seen for seen in found if isinstance(seen, LocatedDetection)])
            mark = held.secret.fingerprint if held else None
            yield SecretName(
                target, name, "gitlab-variable", None, getattr(variable, "description", None) or None, mark
            )


def _client(token: Secret | None, url: str) -> Gitlab:
    try:
        from gitlab import Gitlab  # noqa: PLC0415 - an extra
    except ImportError:
        message = "sweeping GitLab needs python-gitlab: pip install 'tokenaudit[gitlab]'"
        raise ConfigurationError(message) from None
    return Gitlab(url, private_token=token.reveal() if token is not None else None, timeout=30, keep_base_url=True)


def _tried(ask: Callable[[], T]) -> tuple[T | None, str]:
    """What `ask` gives, or None and why not. Only the status: an exception's words may quote what was sent."""
    from gitlab.exceptions import GitlabError  # noqa: PLC0415 - an extra

    try:
        return ask(), ""
    except (GitlabError, OSError) as error:
        status = getattr(error, "response_code", None)
        return None, f"GitLab answered {status}" if status else f"no answer ({type(error).__name__})"
