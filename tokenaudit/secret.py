"""A credential's value, kept from ever being shown by accident."""

from __future__ import annotations

import hmac
import re
from collections import deque
from typing import Literal, TypeAlias

_DOMAIN = b"tokenaudit/fingerprint/1"
_PREFIX = re.compile(r"[a-z]+(?:_+[a-z0-9]+)*_+(?=[A-Za-z0-9])")
_LONGEST_PREFIX = 20
_SHORTEST_TO_SHOW_END = 20


class SecretUnavailableError(RuntimeError):
    """The value was asked of a `Secret` that had crossed a pickle and left its value behind."""


def fingerprint(value: str) -> str:
    """32 hex digits that name a credential on every machine and in every run.

    An HMAC-SHA-256 under a fixed public key, cut to 128 bits: it can't be turned back into the value (a user token's
    body has about 193 random bits), and it is not the bare hash that other tools may have stored of the same value.
    Whoever already holds a value can of course compute its fingerprint: that is what a fingerprint is for.
    """
    return hmac.digest(_DOMAIN, value.encode("utf-8", "surrogateescape"), "sha256").hex()[:32]


def display(value: str) -> str:
    """The only form of a value that may be shown: its public prefix, four stars, its last four characters.

    A value too short for four of its characters to be harmless shows none of them.
    """
    found = _PREFIX.match(value[:_LONGEST_PREFIX])
    prefix = found.group() if found else ""
    shows_end = len(value) - len(prefix) >= _SHORTEST_TO_SHOW_END
    return f"{prefix}****{value[-4:] if shows_end else ''}"


Masking: TypeAlias = Literal["pieces", "whole", "none"]
"""What is masked in texts: a value and its pieces; only the whole value, where pieces of it are ordinary words (it is a
placeholder or a look-alike); or nothing, where the value is most probably no credential (a Space's variable)."""

created: deque[tuple[str, str, Masking]] = deque()
"""Values that `tokenaudit.redaction` has yet to learn, each with its display form."""

registered: set[tuple[str, Masking]] = set()
"""Fingerprints of the values that were put there."""


class Secret:
    """A value that masks itself in `str`, `repr`, `format`, logging, exceptions, pickle and JSON.

    `reveal()` is the one way to the value. Equality and hash go by fingerprint. A pickled secret arrives without its
    value, so nothing that is written to disk or sent to another process by pickle can carry one.

    `masking` says what `tokenaudit.redaction.mask` takes out of texts from then on, for as long as the process runs.
    """

    __slots__ = ("_value", "display", "fingerprint")

    def __init__(self, value: str, *, masking: Masking = "pieces") -> None:
        self._value: str | None = value
        self.fingerprint: str = fingerprint(value)
        self.display: str = display(value)
        if masking != "none" and (self.fingerprint, masking) not in registered:
            registered.add((self.fingerprint, masking))
            created.append((value, self.display, masking))

    def reveal(self) -> str:
        """The value itself. Keep it in a local variable, and for as short a time as possible.

        Raises:
            SecretUnavailableError: this object came out of a pickle.
        """
        if self._value is None:
            message = f"the value of {self.display} was not kept when it was pickled"
            raise SecretUnavailableError(message)
        return self._value

    def __str__(self) -> str:
        return self.display

    def __repr__(self) -> str:
        return f"Secret({self.display})"

    def __format__(self, spec: str) -> str:
        return format(self.display, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.fingerprint, other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _without_value, (self.fingerprint, self.display)


def _without_value(mark: str, shown: str) -> Secret:
    secret = Secret.__new__(Secret)
    secret._value = None  # noqa: SLF001 - the one place that builds a secret from its masked form
    secret.fingerprint = mark
    secret.display = shown
    return secret
