"""One variable in a `.env` file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content, files, parts, with_new
from tokenaudit.secret import Secret, fingerprint

_CLOSED = r"(?=[^\S\r\n]*(?:#[^\r\n]*)?(?:[\r\n]|\Z))"
_ASSIGNMENT = re.compile(
    r"(?:\A\ufeff?|(?<=[\r\n]))[^\S\r\n]*(?:export[^\S\r\n]+)?(?P<quote>['\"]?)(?P<name>[^\s=:#'\"]+)(?P=quote)"
    r"[^\S\r\n]*(?:=|:(?=[^\S\r\n]))[^\S\r\n]*"
    rf"(?:\"(?P<double>(?:\\.|[^\"\\])*)\"{_CLOSED}|'(?P<single>(?:\\.|[^'\\])*)'{_CLOSED}|`(?P<back>[^`]*)`{_CLOSED}"
    r"|(?P<plain>(?:(?![^\S\r\n]+#)[^\r\n])*))",
    re.DOTALL,
)
"""An assignment as python-dotenv, Node's dotenv and docker compose read it: a quoted value can have several lines, an
unquoted one ends at a blank before a #. A quote that is never closed is part of an unquoted value."""
_FORMS = ("double", "single", "back", "plain")


class Dotenv:
    """The variable `name` in the file `path`. Every assignment with the old value is changed.

    Only the credential in the value changes, also inside a URL or JSON; quotes, comments, line ends, other variables
    and other values stay as they are.
    """

    kind = "dotenv"

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return f"{self._path} {self._name}"

    def look(self) -> ConsumerState:
        """See `Updater`; the last assignment is the one that counts."""
        return self._seen(files.read(self._path) or "")

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`."""
        files.check_writable(self._path, dry_run=dry_run)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        files.rewrite(self._path, lambda text: self._changed(text, old, new))

    def contents(self) -> Iterable[Content]:
        """See `Updater`: the whole file."""
        yield from files.whole(self._path)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """The positions of the variable's values, without their quotes."""
        for found in _ASSIGNMENT.finditer(text):
            if found["name"] == self._name:
                form = next(form for form in _FORMS if found[form] is not None)
                yield found.start(form), found.start(form) + len(found[form].rstrip())

    def _seen(self, text: str) -> ConsumerState:
        values = [text[start:end] for start, end in self._spans(text)]
        fingerprints = [fingerprint(part) for value in reversed(values) for part in parts(value)]
        return (
            ConsumerState(exists=True, fingerprint=fingerprints[0], others=tuple(dict.fromkeys(fingerprints[1:])))
            if fingerprints
            else ConsumerState(exists=False)
        )

    def _changed(self, text: str, old: str, new: Secret) -> str:
        seen = self._seen(text)
        if not (seen.holds(old) or seen.holds(new.fingerprint)):
            message = f"{self.where} has a value other than the old one; not changed"
            raise ConsumerError(message)
        pieces, at = [], 0
        for start, end in self._spans(text):
            pieces += [text[at:start], with_new(text[start:end], old, new)]
            at = end
        return "".join([*pieces, text[at:]])
