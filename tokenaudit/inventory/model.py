"""Data types written to and read from the inventory. They contain no credential values and can cross processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.model import Credential, Inspection, Location, Problem, SecretName, ServiceAccount, Skipped

ChangeType: TypeAlias = Literal["new", "new-place", "gone"]
"""A sweep's change to a credential: found for the first time, found in an additional place, or no longer found."""


@dataclass(frozen=True)
class PlaceRecord:
    """One thing that a task reads: an aspect of a repository or of a namespace.

    `target` is as in reports (`spaces/acme/app`), `kind` such as model, space or jobs, `aspect` a part of it: history,
    discussions, settings and so on.
    """

    namespace: str
    target: str
    kind: str
    aspect: str

    @property
    def key(self) -> str:
        """The key that identifies the place in all sweeps."""
        return f"{self.target}#{self.aspect}"


@dataclass(frozen=True)
class Outcome:
    """Result of reading one place.

    `state` identifies the version that was read, None if it is unknown or was not read completely: the place is then
    read again next time. `unchanged` means that `state` equals the last one, so nothing was read and the recorded data
    still applies. `failed` means that the place was not read at all, so all recorded data is retained. `objects` and
    `bytes` count the content of the place, whether read this time or earlier. The credentials contain locations and
    claims only; `inspections` are by fingerprint.
    """

    place: PlaceRecord
    state: str | None = None
    unchanged: bool = False
    failed: bool = False
    credentials: tuple[Credential, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    secrets: tuple[SecretName, ...] = ()
    service_accounts: tuple[ServiceAccount, ...] = ()
    inspections: Mapping[str, Inspection] = field(default_factory=dict)
    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Sweep:
    """One recorded sweep. `done` and `failed` count places, `complete` is None while it runs."""

    id: int
    scope: str
    namespaces: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None = None
    complete: bool | None = None
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class KnownCredential:
    """A credential with the times it was first and last found; `present` while any place contains it."""

    credential: Credential
    first_seen: datetime
    last_seen: datetime
    present: bool


@dataclass(frozen=True)
class Difference:
    """A sweep's change to one credential; `locations` are the new ones, or those it was removed from."""

    change: ChangeType
    known: KnownCredential
    locations: tuple[Location, ...] = ()


@dataclass(frozen=True)
class Consumer:
    """A user of a token by name or by value: where a new value must be stored when the token is rotated."""

    kind: str
    where: str
    name: str | None
    updated_at: datetime | None = None
    fingerprint: str | None = None
