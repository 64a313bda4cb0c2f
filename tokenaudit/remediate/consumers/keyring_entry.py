"""An entry of the OS keyring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub import keyring
from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content
from tokenaudit.secret import Secret

_PROBE = "check-writable"
"""The name of a temporary entry that checks a keyring."""


class KeyringEntry:
    """The entry `name`: one of tokenaudit's own, or another program's as `service/user`."""

    kind = "keyring"

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return self._name

    def look(self) -> ConsumerState:
        """See `Updater`."""
        held = self._held()
        return ConsumerState(exists=held is not None, fingerprint=held.fingerprint if held else None)

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`: writes and deletes a temporary entry."""
        self._held()
        if not dry_run:
            with self._errors("written"):
                keyring.write(_PROBE, Secret("writable", masking="none"))
                keyring.clear(_PROBE)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        held = self._held()
        if held is not None and held.fingerprint not in {old, new.fingerprint}:
            message = f"keyring entry {self._name} has a value other than the old one; not changed"
            raise ConsumerError(message)
        with self._errors("written"):
            keyring.write(self._name, new)

    def contents(self) -> Iterator[Content]:
        """See `Updater`: this entry; a keyring can't list the others."""
        held = self._held()
        if held is not None:
            yield Content(self.where, held.reveal().encode("utf-8", "surrogateescape"))

    def _held(self) -> Secret | None:
        with self._errors("read"):
            return keyring.read(self._name)

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            message = f"keyring entry {self._name} can't be {done}: {error}"
            raise ConsumerError(message) from None
