"""Credential values that cannot be printed accidentally, and the claims of those with a JWT body, read offline."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections import deque
from datetime import datetime
from typing import Any, Literal, TypeAlias

from tokenaudit.model import Claims
from tokenaudit.timestamps import from_unix

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


def _without_value(mark: str, shown: str) -> Secret:
    secret = Secret.__new__(Secret)
    secret._value = None  # noqa: SLF001 - only this function builds a secret from its masked form
    secret.fingerprint = mark
    secret.display = shown
    return secret


LONGEST_PAYLOAD = 16_384
"""Maximum payload size in bytes of JSON. hf-mcp-server treats larger payloads as unavailable."""


def read_claims(value: str) -> Claims | None:
    """Return the claims of a credential whose body is a JWT; None if it has no JWT or the JWT can't be read.

    `scope` can be a list or a space-separated string; `iat` and `exp` are Unix seconds (hf-mcp-server).
    """
    parts = value.split(".")
    if len(parts) != 3 or len(parts[1]) > LONGEST_PAYLOAD * 4 // 3 + 4:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    subject = payload.get("sub")
    return Claims(
        scopes=_words(payload.get("scope")),
        audience=_words(payload.get("aud")),
        subject=subject if isinstance(subject, str) else None,
        issued_at=_time(payload.get("iat")),
        expires_at=_time(payload.get("exp")),
    )


def _words(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str) and word))


def _time(value: Any) -> datetime | None:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return from_unix(value)
    except OverflowError:  # an integer too large for a float
        return None
