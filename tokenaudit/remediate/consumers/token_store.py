"""The token store of `hf auth login`: the file of the active token, and the file of the named ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content, files, with_new
from tokenaudit.secret import Secret, fingerprint
from tokenaudit.text import count

_NAMED = re.compile(r"^(?P<head>[ \t]*hf_token[ \t]*[=:][ \t]*)(?P<value>\S+)", re.MULTILINE | re.IGNORECASE)
_PRIVATE = 0o600


class TokenStore:
    """The store whose active token is in the file `path`. Other tokens in it are not changed.

    An active OAuth login has a refresh token, which a pasted token does not have: such an entry is refused.
    """

    kind = "token-store"

    def __init__(self, path: Path, old: str) -> None:
        self._path = path
        self._stored = path.with_name("stored_tokens")
        self._old = old

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return str(self._path)

    def look(self) -> ConsumerState:
        """See `Updater`; the store has the old value as long as any entry has it."""
        fingerprints = [fingerprint(value) for value in self._values()]
        if not fingerprints:
            return ConsumerState(exists=False)
        detail = f"{count(len(fingerprints), 'entry')}, {fingerprints.count(self._old)} with the old value"
        if self._old in fingerprints:
            return ConsumerState(exists=True, fingerprint=self._old, detail=detail)
        return ConsumerState(exists=True, fingerprint=fingerprints[0], detail=detail, others=tuple(fingerprints[1:]))

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`."""
        self._refuse_oauth(self._old)
        for path in (self._stored, self._path):
            if files.read(path) is not None:
                files.check_writable(path, dry_run=dry_run)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        self._refuse_oauth(old)
        if files.read(self._stored) is not None:
            files.rewrite(
                self._stored,
                lambda text: _NAMED.sub(lambda f: f["head"] + with_new(f["value"], old, new), text),
                mode=_PRIVATE,
            )
        if files.read(self._path) is not None:
            files.rewrite(self._path, lambda text: with_new(text, old, new), mode=_PRIVATE)

    def contents(self) -> Iterator[Content]:
        """See `Updater`: both files, whole."""
        yield from files.whole(self._path)
        yield from files.whole(self._stored)

    def _refuse_oauth(self, old: str) -> None:
        if any(fingerprint(found["value"]) == old for found in _oauth_entries(files.read(self._stored) or "")):
            message = f"{self._stored} has the old value as an OAuth login; run `hf auth login` instead"
            raise ConsumerError(message)

    def _values(self) -> list[str]:
        active = (files.read(self._path) or "").strip()
        named = [found["value"] for found in _NAMED.finditer(files.read(self._stored) or "")]
        return [*([active] if active else []), *named]


def _oauth_entries(text: str) -> list[re.Match[str]]:
    sections = re.split(r"^\[", text, flags=re.MULTILINE)
    return [found for part in sections if "refresh_token" in part for found in _NAMED.finditer(part)]
