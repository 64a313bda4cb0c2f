"""What goes into the inventory and what comes out of it. All of it is free of values and may cross processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.model import Credential, Inspection, Location, Problem, SecretName, Skipped

ChangeType: TypeAlias = Literal["new", "new-place", "gone"]
"""What a sweep changed about a credential: first seen, seen in a further place, or in no place any more."""


@dataclass(frozen=True)
class PlaceRecord:
    """One thing that one task reads: an aspect of a repository or of a namespace.

    `target` is as in reports (`spaces/acme/app`), `kind` such as model, space or jobs, `aspect` which part of it:
    history, discussions, settings and so on.
    """

    namespace: str
    target: str
    kind: str
    aspect: str

    @property
    def key(self) -> str:
        """What the place is known by from sweep to sweep."""
        return f"{self.target}#{self.aspect}"


@dataclass(frozen=True)
class Outcome:
    """What came of reading one place.

    `state` names the version that was read, None where the place can't tell or was not read completely: it is then
    read again next time. `unchanged` says that `state` is that of the last time, so nothing was read and what is
    known still holds. `failed` says that the place was not read at all, so nothing known of it is given up.
    `objects` and `bytes` count what the place was found to hold, read this time or relied on from the last.
    The credentials carry locations and claims only; `inspections` are by fingerprint.
    """

    place: PlaceRecord
    state: str | None = None
    unchanged: bool = False
    failed: bool = False
    credentials: tuple[Credential, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    secrets: tuple[SecretName, ...] = ()
    inspections: Mapping[str, Inspection] = field(default_factory=dict)
    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Sweep:
    """One sweep as the inventory remembers it. `done` and `failed` count places, `complete` is None while it runs."""

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
    """A credential with the times it was first and last seen; `present` while some place still holds it."""

    credential: Credential
    first_seen: datetime
    last_seen: datetime
    present: bool


@dataclass(frozen=True)
class Difference:
    """What one sweep changed about one credential; `locations` are the new ones, or those it is gone from."""

    change: ChangeType
    known: KnownCredential
    locations: tuple[Location, ...] = ()


@dataclass(frozen=True)
class Consumer:
    """Something that uses a token by name or by value: where a new value has to be put when it is rotated."""

    kind: str
    where: str
    name: str | None
    updated_at: datetime | None = None
    fingerprint: str | None = None
