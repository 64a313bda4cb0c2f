"""The Hub's entries in a netrc file, which curl, git and Python's HTTP clients read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from tokenaudit.remediate.consumers import ConsumerError, ConsumerState, Content, files
from tokenaudit.secret import Secret, fingerprint

_WORD = re.compile(r'#[^\n]*|"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>\S+)')
_MACRO_END = re.compile(r"\n[^\S\n]*(?:\n|\Z)|\Z")
_SECRET = frozenset({"login", "password", "account"})
_WITH_VALUE = frozenset({"machine", "login", "password", "account"})


class Netrc:
    """The entries of `hosts` in the netrc file `path` that have the old value; everything else is preserved.

    A token can be the password, or the login with any password.
    """

    kind = "netrc"

    def __init__(self, path: Path, hosts: Collection[str]) -> None:
        self._path = path
        self._hosts = frozenset(host.lower() for host in hosts)

    @property
    def where(self) -> str:
        """The place, as it is shown."""
        return str(self._path)

    def look(self) -> ConsumerState:
        """See `Updater`."""
        text = files.read(self._path) or ""
        fingerprints = [fingerprint(text[start:end]) for start, end in self._values(text)]
        return (
            ConsumerState(exists=True, fingerprint=fingerprints[0], others=tuple(fingerprints[1:]))
            if fingerprints
            else ConsumerState(exists=False)
        )

    def check_writable(self, *, dry_run: bool) -> None:
        """See `Updater`."""
        files.check_writable(self._path, dry_run=dry_run)

    def update(self, old: str, new: Secret) -> None:
        """See `Updater`."""
        files.rewrite(self._path, lambda text: self._changed(text, old, new))

    def contents(self) -> Iterator[Content]:
        """See `Updater`: the whole file."""
        yield from files.whole(self._path)

    def _changed(self, text: str, old: str, new: Secret) -> str:
        spans = list(self._values(text))
        fingerprints = {fingerprint(text[start:end]) for start, end in spans}
        if not fingerprints & {old, new.fingerprint}:
            message = f"{self.where} has a value other than the old one; not changed"
            raise ConsumerError(message)
        pieces, at = [], 0
        for start, end in spans:
            if fingerprint(text[start:end]) == old:
                pieces += [text[at:start], new.reveal()]
                at = end
        return "".join([*pieces, text[at:]])

    def _values(self, text: str) -> Iterator[tuple[int, int]]:
        """The positions of possible tokens of the Hub's machines (format: curl's manual, `man netrc`)."""
        at, key, machine = 0, "", ""
        while found := _WORD.search(text, at):
            at = found.end()
            form = found.lastgroup
            if form is None:
                continue  # a comment
            word = found[form]
            if key == "machine":
                machine = word.lower()
            elif key in _SECRET and machine in self._hosts:
                yield found.span(form)
            if key:
                key = ""
            elif word == "macdef":
                end = _MACRO_END.search(text, at)
                at = end.end() if end else len(text)
            elif word == "default":
                machine = ""
            elif word in _WITH_VALUE:
                key = word
