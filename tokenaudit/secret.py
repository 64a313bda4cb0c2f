"""Credential values that cannot be printed accidentally."""

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
    """`reveal` was called on an unpickled `Secret`, which has no value."""


def fingerprint(value: str) -> str:
    """32 hex digits that identify a credential on every machine and in every run.

    An HMAC-SHA-256 under a fixed public key, cut to 128 bits: it can't be turned back into the value (a user token's
    body has about 193 random bits), and it is not the bare hash that other tools may have stored of the same value.
    The fingerprint of a known value can be computed by design.
    """
    return hmac.digest(_DOMAIN, value.encode("utf-8", "surrogateescape"), "sha256").hex()[:32]


def display(value: str) -> str:
    """The display form of a value: its public prefix, four asterisks, its last four characters.

    A short value shows none of its characters.
    """
    found = _PREFIX.match(value[:_LONGEST_PREFIX])
    prefix = found.group() if found else ""
    shows_end = len(value) - len(prefix) >= _SHORTEST_TO_SHOW_END
    return f"{prefix}****{value[-4:] if shows_end else ''}"


Masking: TypeAlias = Literal["pieces", "whole", "none"]
"""What is masked in text: a value and its parts; only the whole value if its parts are ordinary words (a placeholder or
a look-alike); or nothing if the value is most probably not a credential (a Space's variable).
"""

created: deque[tuple[str, str, Masking]] = deque()
"""Values not yet registered in `tokenaudit.redaction`, each with its display form."""

registered: set[tuple[str, Masking]] = set()
"""Fingerprints of the values that were added there."""


class Secret:
    """A value that is masked in `str`, `repr`, `format`, logging, exceptions, pickle and JSON.

    Only `reveal()` returns the value. Equality and hash use the fingerprint. An unpickled secret does not have its
    value, so pickled data never contains one.

    `masking` defines what `tokenaudit.redaction.mask` removes from text until the process exits.
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
        """Returns the value. Store it only in a local variable, as briefly as possible.

        Raises:
            SecretUnavailableError: this object was unpickled.
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


def _without_value(fingerprint: str, display: str) -> Secret:
    secret = Secret.__new__(Secret)
    secret._value = None  # noqa: SLF001 - only this function builds a secret from its masked form
    secret.fingerprint = fingerprint
    secret.display = display
    return secret
