"""Which credentials a user means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tokenaudit.errors import UsageError
from tokenaudit.inventory.model import Known

_SHORTEST = 6
_HEX = re.compile("[0-9a-f]{1,64}")


def one(known: Sequence[Known], fingerprint: str) -> Known:
    """The one credential whose fingerprint is, or starts with, `fingerprint`.

    Raises:
        UsageError: none does, or several do.
    """
    named = fingerprint.strip().lower()
    if not _HEX.fullmatch(named):
        # Not repeated: it may be a credential that was given by mistake.
        message = "a fingerprint has 32 hex digits; `tokenaudit fingerprint` computes it from a value on stdin"
        raise UsageError(message)
    found = [entry for entry in known if entry.credential.fingerprint == named]
    if not found and len(named) >= _SHORTEST:
        found = [entry for entry in known if entry.credential.fingerprint.startswith(named)]
    if not found:
        message = f"no credential with the fingerprint {named}; `tokenaudit inventory list` names them all"
        raise UsageError(message)
    if len(found) > 1:
        message = f"{len(found)} fingerprints start with {named}; give more digits"
        raise UsageError(message)
    return found[0]


def to_forget(known: Sequence[Known], fingerprints: Sequence[str], namespace: str | None) -> list[str]:
    """The fingerprints, checked.

    Raises:
        UsageError: nothing was named, or one is unknown.
    """
    if not fingerprints and namespace is None:
        message = "name the fingerprints to forget, or a --namespace"
        raise UsageError(message)
    return [one(known, fingerprint).credential.fingerprint for fingerprint in fingerprints]
