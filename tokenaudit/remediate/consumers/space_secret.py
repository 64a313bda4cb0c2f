"""A secret of a Space; a public variable of the same name is deleted after the secret is set."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub import spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import auth_check
from tokenaudit.hub.result import Failure
from tokenaudit.model import Skipped
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret
from tokenaudit.text import listed


class SpaceSecret:
    """The secret `name` of the Space `space`, changed as the auditor (`owner`), who needs write access to it.

    A public variable of the same name is only deleted if its value has the fingerprint `old`.
    """

    kind = "space-secret"

    def __init__(self, hub: Hub, space: str, name: str, owner: Secret, old: str | None = None) -> None:
        self._hub = hub
        self._space = space
        self._name = name
        self._owner = owner
        self._old = old

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"spaces/{self._space} {self._name}"

    def look(self) -> ConsumerState:
        """See `Updater`."""
        names = spaces.secret_names(self._hub, self._space, self._owner)
        if isinstance(names, Failure):
            message = f"the secrets of {self._space} can't be listed: {names.message}"
            raise ConsumerError(message)
        held = next((row for row in names if row.name == self._name), None)
        detail = "the public variable of the same name will be deleted" if self._variable() is not None else ""
        if held is None:
            return ConsumerState(exists=False, detail=detail)
        others = [row.name for row in names if row.name != self._name]
        if others:
            hidden = f"the values of its other secrets can't be read: {listed(others)}"
            detail = f"{detail}; {hidden}" if detail else hidden
        return ConsumerState(exists=True, updated_at=held.updated_at, detail=detail)

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`. The check changes nothing."""
        del dry_run
        found = auth_check(self._hub, self._space, "space", self._owner, write=True)
        if found.allowed is not True:
            message = f"{self.where} can't be set: {found.reason}; needs repo.write on spaces/{self._space}"
            raise ConsumerError(message)
        variable = self._variable()
        if variable is not None and variable.fingerprint != self._old:
            message = f"{self._space} has a public variable {self._name}; delete it first"
            raise ConsumerError(message)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        names = spaces.secret_names(self._hub, self._space, self._owner)
        if isinstance(names, Failure):
            message = f"the secrets of {self._space} can't be listed: {names.message}; nothing was changed"
            raise ConsumerError(message)
        variable = self._variable()
        if variable is not None and variable.fingerprint not in {old, new.fingerprint}:
            message = (
                f"the public variable {self._name} of {self._space} has a value other than the old one, and would "
                "be deleted; nothing was changed"
            )
            raise ConsumerError(message)
        description = next((row.description for row in names if row.name == self._name), None)
        answer = spaces.set_secret(self._hub, self._space, self._name, new, secret=self._owner, description=description)
        if isinstance(answer, Failure):
            message = f"{self.where} could not be set: {answer.message}"
            raise ConsumerError(message)
        if variable is not None:
            deleted = spaces.delete_variable(self._hub, self._space, self._name, secret=self._owner)
            if isinstance(deleted, Failure):
                message = f"the public variable {self._name} of {self._space} could not be deleted: {deleted.message}"
                raise ConsumerError(message)

    def contents(self) -> Iterator[Content | Skipped]:
        """See `Updater`: the variables; the Hub shows no secret."""
        found = spaces.variables(self._hub, self._space, self._owner)
        if isinstance(found, Failure):
            yield Skipped(f"the variables of {self._space}", found.message)
            return
        for row in found:
            value = row.value.reveal().encode("utf-8", "surrogateescape")
            yield Content(f"the variable {row.name} of {self._space}", value)

    def restart(self) -> str:
        """Restarts the Space and returns its state afterwards.

        Raises:
            ConsumerError: the Space could not be restarted.
        """
        answer = spaces.restart(self._hub, self._space, secret=self._owner)
        if isinstance(answer, Failure):
            message = f"{self._space} could not be restarted: {answer.message}"
            raise ConsumerError(message)
        return f"{self._space} is {answer.body}"

    def _variable(self) -> Secret | None:
        """The value of the public variable of the same name."""
        found = spaces.variables(self._hub, self._space, self._owner)
        if isinstance(found, Failure):
            message = f"the variables of {self._space} can't be listed: {found.message}"
            raise ConsumerError(message)
        return next((row.value for row in found if row.name == self._name), None)
