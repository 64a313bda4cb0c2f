"""The settings that hold a credential for others to use, one file a kind: looked at, changed, looked at again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tokenaudit.errors import AuditError
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret, fingerprint

_PART = re.compile(r"[A-Za-z0-9_.\-]+")
"""A run of characters that a credential is made of: in a URL, a header or JSON it is enclosed by others."""


class ConsumerError(AuditError):
    """A consumer refused, or is not what it should be. The message names it and the remedy, never a value."""


@dataclass(frozen=True)
class ConsumerState:
    """What a consumer holds, as far as it shows it.

    `fingerprint` is that of the value where it can be read (`others` those of further values that it holds),
    `updated_at` the time of the last change by the consumer's own clock where it has one. `detail` says what an update
    will keep (visibility, scope, flags).
    """

    exists: bool
    fingerprint: str | None = None
    updated_at: datetime | None = None
    detail: str = ""
    others: tuple[str, ...] = ()

    def holds(self, fingerprint: str) -> bool:
        """Whether the value with this fingerprint can be seen in it."""
        return fingerprint == self.fingerprint or fingerprint in self.others


@dataclass(frozen=True)
class Content:
    """A readable part of the place that a consumer belongs to, such as a whole file or another variable."""

    where: str
    data: bytes


class Updater(Protocol):
    """One consumer."""

    @property
    def kind(self) -> str:
        """space-secret, github-secret, gitlab-variable, token-store, keyring, git-credential or dotenv."""

    @property
    def where(self) -> str:
        """The place, as it is shown."""

    def look(self) -> ConsumerState:
        """What it holds now.

        Raises:
            ConsumerError: it can't be asked.
        """

    def update(self, old: str, new: Secret) -> None:
        """Puts `new` in the place of the value with the fingerprint `old`; everything else stays as it was.

        Raises:
            ConsumerError: it refuses, or something other than the old value would be overwritten.
        """

    def contents(self) -> Iterable[Content | Skipped]:
        """Everything readable where it is kept (the whole file, all variables), to look for copies of the old value.

        Raises:
            ConsumerError: it can't be read.
        """


def parts(value: str) -> list[str]:
    """What may be a credential in `value`: the value itself, and the runs of its characters inside a URL or JSON."""
    return list(dict.fromkeys([value, *_PART.findall(value)]))


def with_new(value: str, old: str, new: Secret) -> str:
    """`value` with `new` in the place of each part that has the fingerprint `old`."""
    if fingerprint(value) == old:
        return new.reveal()
    return _PART.sub(lambda part: new.reveal() if fingerprint(part[0]) == old else part[0], value)


def took(before: ConsumerState, after: ConsumerState, old: str, new: Secret) -> str | None:
    """How `after` proves that `new` arrived and the value with the fingerprint `old` is gone; None where it doesn't.

    By the value itself where that shows. Else by the consumer's own clock, so that a skewed clock of this machine
    proves nothing.
    """
    if after.fingerprint is not None:
        return "it holds the new value" if after.holds(new.fingerprint) and not after.holds(old) else None
    if not after.exists:
        return None
    if not before.exists:
        return "it exists now"
    if before.updated_at is None or after.updated_at is None or after.updated_at <= before.updated_at:
        return None
    return (
        f"last changed {after.updated_at:%Y-%m-%d %H:%M:%S} UTC, before that {before.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    )
