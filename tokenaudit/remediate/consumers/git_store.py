"""The files of `git credential-store`: one credential a line, as a URL with user name and password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

from tokenaudit.secret import Secret, fingerprint

_ENTRY = re.compile(
    r"(?P<scheme>[^:/?#\s]+)://(?P<user>[^:@/?#]*):(?P<password>[^@/?#]*)@(?P<host>[^/?#]*)(?P<path>[^?#]*)"
)
"""As git reads a line (credential.c, `credential_from_url_gently`): up to the first @, every part percent-encoded, the
port's colon too."""
_PORTS = {"https": "443", "http": "80"}


@dataclass(frozen=True)
class Address:
    """What git asks a credential for. `path` is None where any will do, `user` where any name will do."""

    scheme: str
    host: str
    path: str | None = None
    user: str | None = None

    @property
    def shown(self) -> str:
        """As it is shown and as git takes it in `credential.<url>`."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{user}{self.host}" + (f"/{self.path}" if self.path else "")

    def server(self) -> tuple[str, str]:
        """Scheme and host with port, in one form: names of hosts have no case, and a scheme has a port of its own."""
        host, colon, port = self.host.lower().rpartition(":")
        if not colon or not port.isdigit():
            host, port = self.host.lower(), ""
        scheme = self.scheme.lower()
        return scheme, f"{host}:{port or _PORTS.get(scheme, '')}"


@dataclass(frozen=True)
class StoredCredential:
    """One line's credential; `spans` are where its user name and its password are in the text."""

    address: Address
    password: str
    spans: tuple[tuple[int, int], tuple[int, int]]

    @property
    def values(self) -> tuple[str, str]:
        """User name and password: a token can be either."""
        return self.address.user or "", self.password

    def serves(self, wanted: Address) -> bool:
        """Whether git would take it for `wanted`, whatever user name or path that leaves open."""
        return (
            self.address.server() == wanted.server()
            and wanted.path in {None, self.address.path}
            and wanted.user in {None, self.address.user}
        )


def entries(text: str) -> Iterator[StoredCredential]:
    """The credentials in `text`; lines that git would not take for one are left out."""
    at = 0
    for line in text.split("\n"):
        found = _ENTRY.fullmatch(line.removesuffix("\r"))
        if found and (found["user"] or found["password"]):
            path = unquote(found["path"].strip("/"), errors="surrogateescape") or None
            user = unquote(found["user"], errors="surrogateescape")
            address = Address(found["scheme"], unquote(found["host"]), path, user)
            spans = tuple((at + start, at + end) for start, end in (found.span("user"), found.span("password")))
            yield StoredCredential(address, unquote(found["password"], errors="surrogateescape"), (spans[0], spans[1]))
        at += len(line) + 1


def with_new_values(text: str, wanted: Address, old: str, new: Secret) -> str:
    """`text` with `new` in the place of the value with the fingerprint `old` in each entry for `wanted`."""
    pieces, at = [], 0
    for entry in entries(text):
        for value, (start, end) in zip(entry.values, entry.spans, strict=True):
            if entry.serves(wanted) and fingerprint(value) == old:
                pieces += [text[at:start], quote(new.reveal(), safe="")]
                at = end
    return "".join([*pieces, text[at:]])
