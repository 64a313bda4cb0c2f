"""The rotation runbook of a report: ordered steps, each with its verification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.model import Recommendation, Severity, Skipped

Mode: TypeAlias = Literal["planned", "breach"]
"""`planned`: the value is not exposed, so it is revoked after all consumers are updated. `breach`: the value could be
exposed, so it is revoked first."""


@dataclass(frozen=True)
class RunbookConsumer:
    """Something that uses a credential and needs the new one.

    `kind` is space-secret, github-secret, gitlab-variable, file, machine and so on; `where` is the place, `name` the
    name there. `certain` is False if only the name matches. `owner` is who last changed it, if known. `how` describes
    the update.
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
    """One action with its verification; `command` if there is a command for it."""

    id: str
    title: str
    do: str
    verify: str
    command: str | None = None


@dataclass(frozen=True)
class PlannedCredential:
    """The runbook of one credential. `unknown_consumers` lists where other consumers are possible.

    `dead` is whether it is known to be invalid or expired.
    """

    fingerprint: str
    display: str
    severity: Severity
    recommendation: Recommendation
    consumers: tuple[RunbookConsumer, ...] = ()
    steps: tuple[RunbookStep, ...] = ()
    unknown_consumers: tuple[str, ...] = ()
    dead: bool = False


@dataclass(frozen=True)
class Runbook:
    """The runbook of one report. `skipped` is what the report could not read; it can contain consumers."""

    mode: Mode
    credentials: tuple[PlannedCredential, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    schema: Literal["tokenaudit/plan/1"] = "tokenaudit/plan/1"
