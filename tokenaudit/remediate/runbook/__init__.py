"""The way from a report's credentials to their replacements, as ordered steps that each say how they are verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.model import Recommendation, Severity, Skipped

Mode: TypeAlias = Literal["planned", "breach"]
"""`planned`: the value is known to nobody else, so the old one lives until everything has moved. `breach`: it may be,
so it dies first."""


@dataclass(frozen=True)
class RunbookConsumer:
    """Something that uses a credential and has to get the new one.

    `kind` is such as space-secret, github-secret, gitlab-variable, file, machine; `where` the place, `name` what it is
    called there. `certain` is False where only a name points to this credential. `owner` is who last touched it, if
    that is known. `how` says how it is updated.
    """

    kind: str
    where: str
    name: str | None
    how: str
    updated_at: datetime | None = None
    owner: str | None = None
    certain: bool = True


@dataclass(frozen=True)
class RunbookStep:
    """One thing to do and the proof that it is done; `command` where a command does it."""

    id: str
    title: str
    do: str
    verify: str
    command: str | None = None


@dataclass(frozen=True)
class PlannedCredential:
    """One credential's way: replacement, consumers, steps. `unknown_consumers` says where others may be."""

    fingerprint: str
    display: str
    severity: Severity
    recommendation: Recommendation
    consumers: tuple[RunbookConsumer, ...] = ()
    steps: tuple[RunbookStep, ...] = ()
    unknown_consumers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runbook:
    """The runbook of one report. `skipped` is what the report could not read: consumers may hide there."""

    mode: Mode
    credentials: tuple[PlannedCredential, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    schema: Literal["tokenaudit/plan/1"] = "tokenaudit/plan/1"
