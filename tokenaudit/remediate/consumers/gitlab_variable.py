"""A CI/CD variable of a GitLab project or group. Needs the extra `[gitlab]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.platforms import gitlab
from tokenaudit.hub.platforms.gitlab import PUBLIC_URL, GitlabClient
from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret, fingerprint

_PRESERVED = ("masked", "protected", "raw", "variable_type", "description")


class GitlabVariable:
    """The variable `name` of a project (or a `group`), in one environment `scope`; `*` is all of them.

    GitLab returns the value, unless the variable is hidden, and no date: the fingerprint of the value is the proof.
    Flags and scope are preserved. With `creates` a missing variable is created, masked.

    Raises:
        EndpointError: a token must not be sent to `url`.
    """

    kind = "gitlab-variable"

    def __init__(
        self,
        place: str,
        name: str,
        owner: Secret,
        *,
        scope: str = "*",
        group: bool = False,
        url: str = PUBLIC_URL,
        creates: bool = False,
    ) -> None:
        self._creates = creates
        self._place = place
        self._name = name
        self._scope = scope
        self._group = group
        self._owner = owner
        self._url = resolve_endpoint(url, service="GitLab", setting="GITLAB_URL")

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        scope = f" scope {self._scope}" if self._scope != "*" else ""
        return f"{'group ' if self._group else ''}{self._place} {self._name}{scope}"

    def look(self) -> ConsumerState:
        """See `Updater`."""
        held = self._held()
        if held is None:
            return ConsumerState(exists=False)
        flags = [name for name in ("masked", "protected", "raw", "hidden") if held.get(name)]
        value = held.get("value")
        detail = ", ".join([*flags, f"scope {held.get('environment_scope', '*')}"])
        seen = fingerprint(value) if isinstance(value, str) and value else None
        return ConsumerState(exists=True, fingerprint=seen, detail=detail)

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`. The check changes nothing."""
        del dry_run
        try:
            self._client.check_writable(self._holder)
        except PlatformError as error:
            raise self._refused(error) from None

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        held = self._held()
        if held is None and self._creates:
            try:
                self._client.create_variable(self._holder, self._name, self._scope, new.reveal())
            except PlatformError as error:
                raise self._refused(error) from None
            return
        if held is None:
            message = f"{self.where} no longer exists; not changed"
            raise ConsumerError(message)
        value = held.get("value")
        if value and (not isinstance(value, str) or fingerprint(value) not in {old, new.fingerprint}):
            message = f"{self.where} has a value other than the old one; not changed"
            raise ConsumerError(message)
        preserved = {name: held[name] for name in _PRESERVED if held.get(name) is not None}
        body = {**preserved, "value": new.reveal(), "environment_scope": self._scope}
        try:
            self._client.set_variable(self._holder, self._name, self._scope, body)
        except PlatformError as error:
            raise self._refused(error) from None

    def contents(self) -> Iterator[Content | Skipped]:
        """See `Updater`: all variables of the project or group; hidden ones show no value."""
        where = f"the variables of {self._place}"
        try:
            listing = self._client.variables(self._holder)
        except PlatformError as error:
            yield Skipped(where, str(self._refused(error)))
            return
        if listing.incomplete:
            yield Skipped(where, listing.incomplete)
        for row in listing:
            value = row.get("value")
            if isinstance(value, str):
                name = f"the variable {row.get('key')} of {self._place}, scope {row.get('environment_scope', '*')}"
                yield Content(name, value.encode("utf-8", "surrogateescape"))

    @cached_property
    def _client(self) -> GitlabClient:
        return GitlabClient(self._owner, self._url)

    @property
    def _holder(self) -> str:
        return gitlab.group(self._place) if self._group else gitlab.project(self._place)

    def _held(self) -> Mapping[str, Any] | None:
        try:
            return self._client.variable(self._holder, self._name, self._scope)
        except PlatformError as error:
            raise self._refused(error) from None

    def _refused(self, error: PlatformError) -> ConsumerError:
        message = f"{self.where} can't be read or changed: {error}; check your GitLab token and GITLAB_URL"
        return ConsumerError(message)
