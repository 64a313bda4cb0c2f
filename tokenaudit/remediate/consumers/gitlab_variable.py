"""A CI/CD variable of a GitLab project or group. Needs the extra `[gitlab]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers.interface import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret, fingerprint

if TYPE_CHECKING:
    from gitlab import Gitlab

PUBLIC_URL = "https://gitlab.com"
_KEPT = ("masked", "protected", "raw", "variable_type", "description")


class GitlabVariable:
    """The variable `name` of a project (or a `group`), in one environment `scope`; `*` stands for all of them.

    GitLab tells the value, unless the variable is hidden, and no date: the value's fingerprint is the proof. Flags and
    scope are carried over.
    """

    kind = "gitlab-variable"

    def __init__(
        self, place: str, name: str, owner: Secret, *, scope: str = "*", group: bool = False, url: str = PUBLIC_URL
    ) -> None:
        self._place = place
        self._name = name
        self._scope = scope
        self._group = group
        self._owner = owner
        self._url = resolve_endpoint(url)
        self._made: Gitlab | None = None

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        scope = f" scope {self._scope}" if self._scope != "*" else ""
        return f"{'group ' if self._group else ''}{self._place} {self._name}{scope}"

    def look(self) -> ConsumerState:
        """See `interface.Updater`."""
        held = self._held()
        if held is None:
            return ConsumerState(exists=False)
        flags = [name for name in ("masked", "protected", "raw", "hidden") if held.get(name)]
        value = held.get("value")
        detail = ", ".join([*flags, f"scope {held.get('environment_scope', '*')}"])
        return ConsumerState(exists=True, mark=fingerprint(value) if value else None, detail=detail)

    def update(self, old: str, new: Secret) -> None:
        """See `interface.Updater`."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - an extra, and heavy

        held = self._held()
        if held is None:
            message = f"{self.where} does not exist any more; nothing was changed"
            raise ConsumerError(message)
        if held.get("value") and fingerprint(held["value"]) not in {old, new.fingerprint}:
            message = f"{self.where} holds another value than the old one; nothing was changed"
            raise ConsumerError(message)
        kept = {name: held[name] for name in _KEPT if held.get(name) is not None}
        body = {**kept, "value": new.reveal(), "environment_scope": self._scope}
        try:
            self._variables().update(self._name, body, filter={"environment_scope": self._scope})
        except (GitlabError, OSError) as error:
            raise self._refused(error) from None

    def contents(self) -> Iterator[Content | Skipped]:
        """See `interface.Updater`: all variables of the project or group; hidden ones show no value."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            rows = [row.attributes for row in self._variables().list(iterator=True)]
        except (GitlabError, OSError) as error:
            yield Skipped(f"the variables of {self._place}", str(self._refused(error)))
            return
        for row in rows:
            value = row.get("value")
            if isinstance(value, str):
                where = f"the variable {row.get('key')} of {self._place}, scope {row.get('environment_scope', '*')}"
                yield Content(where, value.encode("utf-8", "surrogateescape"))

    def _variables(self) -> Any:  # noqa: ANN401 - managers of the library are typed by their parent only
        if self._made is None:
            try:
                from gitlab import Gitlab  # noqa: PLC0415 - as above
            except ImportError:
                message = "updating variables at GitLab needs python-gitlab: pip install 'tokenaudit[gitlab]'"
                raise ConfigurationError(message) from None
            self._made = Gitlab(self._url, private_token=self._owner.reveal(), timeout=30, keep_base_url=True)
        parents: Any = self._made.groups if self._group else self._made.projects
        return parents.get(self._place, lazy=True).variables

    def _held(self) -> dict[str, Any] | None:
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - as above

        try:
            found = self._variables().get(self._name, filter={"environment_scope": self._scope})
        except (GitlabError, OSError) as error:
            if getattr(error, "response_code", None) == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise self._refused(error) from None
        return dict(found.attributes)

    def _refused(self, error: Exception) -> ConsumerError:
        status = getattr(error, "response_code", None)
        reason = f"GitLab answered {status}" if status else f"no answer ({type(error).__name__})"
        message = f"{self.where} can't be read or changed: {reason}; check your token for GitLab"
        return ConsumerError(message)
