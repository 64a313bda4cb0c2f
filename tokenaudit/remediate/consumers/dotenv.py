"""One variable in a `.env` file."""

from __future__ import annotations

import re
from pathlib import Path

from tokenaudit.remediate.consumers import files
from tokenaudit.remediate.consumers.interface import ConsumerError, ConsumerState
from tokenaudit.secret import Secret, fingerprint


class Dotenv:
    """The variable `name` in the file `path`; quotes, comments and all other lines stay as they are."""

    kind = "dotenv"

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._line = re.compile(
            rf"^(?P<head>[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*=[ \t]*)"
            r"(?P<quote>[\"']?)(?P<value>[^\s\"'#]*)(?P=quote)",
            re.MULTILINE,
        )

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"{self._path} {self._name}"

    def look(self) -> ConsumerState:
        """See `interface.Updater`."""
        found = self._line.search(files.read(self._path) or "")
        return ConsumerState(exists=True, mark=fingerprint(found["value"])) if found else ConsumerState(exists=False)

    def update(self, old: str, new: Secret) -> None:
        """See `interface.Updater`."""
        text = files.read(self._path) or ""
        found = list(self._line.finditer(text))
        if not found or any(fingerprint(f["value"]) not in {old, new.fingerprint} for f in found):
            message = f"{self.where} holds another value than the old one; nothing was changed"
            raise ConsumerError(message)
        changed = self._line.sub(lambda f: f"{f['head']}{f['quote']}{new.reveal()}{f['quote']}", text)
        files.replace(self._path, changed)
