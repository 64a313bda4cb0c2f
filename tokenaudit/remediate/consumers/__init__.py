"""Settings that store a credential, one file per kind: each is read, updated and verified."""

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
"""A sequence of credential characters, delimited by other characters in a URL, a header or JSON."""


class ConsumerError(AuditError):
    """A consumer can't be read or updated. The message names it and the remedy, never a value."""


@dataclass(frozen=True)
class ConsumerState:
    """The state of a consumer, as far as it can be read.

    `fingerprint` is that of the value if it can be read (`others` those of further values), `updated_at` the time of
    the last change by the consumer's clock, if it has one. `detail` describes what an update preserves (visibility,
    scope, flags).
    """

    exists: bool
    fingerprint: str | None = None
    updated_at: datetime | None = None
    detail: str = ""
    others: tuple[str, ...] = ()

    def holds(self, fingerprint: str) -> bool:
        """Whether it has the value with this fingerprint."""
        return fingerprint == self.fingerprint or fingerprint in self.others


@dataclass(frozen=True)
class Content:
    """Readable content next to a consumer, such as the whole file or another variable."""

    where: str
    data: bytes


class Updater(Protocol):
    """A setting that stores a credential."""

    @property
    def kind(self) -> str:
        """space-secret, github-secret, gitlab-variable, token-store, keyring, git-credential, dotenv or file."""

    @property
    def where(self) -> str:
        """The name of the consumer in messages."""

    def look(self) -> ConsumerState:
        """The current state.

        Raises:
            ConsumerError: the consumer can't be read.
        """

    def check_writable(self, *, dry_run: bool) -> None:
        """Checks that an update will succeed, before the value it holds stops working.

        With `dry_run`, nothing is changed, not even a temporary file or keyring entry.

        Raises:
            ConsumerError: an update would fail, or would lose something else.
        """

    def update(self, old: str, new: Secret) -> None:
        """Replaces the value with the fingerprint `old` by `new`; everything else is preserved.

        Raises:
            ConsumerError: the update failed, or would overwrite a value other than the old one.
        """

    def contents(self) -> Iterable[Content | Skipped]:
        """All readable content next to it (the whole file, all variables), to search for copies of the old value.

        Raises:
            ConsumerError: the content can't be read.
        """


def parts(value: str) -> list[str]:
    """Possible credentials in `value`: the value itself, and sequences of credential characters in a URL or JSON."""
    return list(dict.fromkeys([value, *_PART.findall(value)]))


def with_new(value: str, old: str, new: Secret) -> str:
    """`value` with each part that has the fingerprint `old` replaced by `new`."""
    if fingerprint(value) == old:
        return new.reveal()
    return _PART.sub(lambda part: new.reveal() if fingerprint(part[0]) == old else part[0], value)


def took(before: ConsumerState, after: ConsumerState, old: str, new: Secret) -> str | None:
    """Evidence in `after` that the consumer has `new` and no longer the fingerprint `old`; None if there is none.

    The evidence is the value if it can be read, else the time of change by the consumer's clock, which a skewed clock
    of this machine can't affect.
    """
    if after.fingerprint is not None:
        return "has the new value" if after.holds(new.fingerprint) and not after.holds(old) else None
    if not after.exists:
        return None
    if not before.exists:
        return "created"
    if before.updated_at is None or after.updated_at is None or after.updated_at <= before.updated_at:
        return None
    return f"updated {after.updated_at:%Y-%m-%d %H:%M:%S} UTC (previously {before.updated_at:%Y-%m-%d %H:%M:%S} UTC)"
