"""What the view after a breach is made of; written as JSON field by field (`tokenaudit/incident/1`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.audit_log.model import TokenUse
from tokenaudit.changes.model import ChangesSummary, ContentsMode, ExaminedRepository
from tokenaudit.model import Account, Policy, Severity, Skipped, Status, Tool
from tokenaudit.policy.settings import Incident
from tokenaudit.remediate.runbook import RunbookConsumer

MatchReason: TypeAlias = Literal["yes", "perhaps"]
"""Whether the incident concerns something: it is older than the cut-off, or its age is not known. Never "no": what is
certainly younger is only counted."""

ItemState: TypeAlias = Literal["open", "done"]

About: TypeAlias = Literal["credential", "secret", "consumer", "repository"]

ChangeKind: TypeAlias = Literal[
    "commit",
    "file",
    "discussion",
    "pull-request",
    "secret",
    "variable",
    "job",
    "scheduled-job",
    "webhook",
    "member",
    "audit",
]


@dataclass(frozen=True)
class AffectedCredential:
    """A credential that the incident affects.

    `why` is the reason. `status` is the latest one of the Hub, at `checked_at`; `asked_now` is whether that was in this
    run. Account, name, role and creation come from the latest response that contained them. `readable` and `writable`
    are numbers of repositories, None if unknown. `places` are its locations.
    """

    fingerprint: str
    kind: str
    display: str
    touched: MatchReason
    why: str
    severity: Severity
    state: ItemState
    status: Status
    status_reason: str
    checked_at: datetime | None = None
    asked_now: bool = False
    account: Account | None = None
    name: str | None = None
    role: str = "unknown"
    created_at: datetime | None = None
    readable: int | None = None
    writable: int | None = None
    places: tuple[str, ...] = ()
    consumers: tuple[RunbookConsumer, ...] = ()


@dataclass(frozen=True)
class StoredSecret:
    """A secret, by name, that was last set before the cut-off, or after it: `state` is which.

    `asked_now` is whether the platform was queried in this run. `fingerprint` is that of its credential if known.
    """

    kind: str
    target: str
    name: str
    touched: MatchReason
    why: str
    state: ItemState
    updated_at: datetime | None = None
    asked_now: bool = False
    fingerprint: str | None = None


@dataclass(frozen=True)
class ReachedBy:
    """A repository and the touched credentials (by fingerprint) that could read or write it."""

    id: str
    type: str
    access: Literal["read", "write"]
    private: bool | None = None
    gated: bool | None = None
    downloads: int | None = None
    credentials: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reached:
    """What all touched credentials together could reach, each repository once.

    `repositories` holds the most harmful ones, the numbers count all; `admin_of` are organizations in which an owner of
    a touched credential is an administrator. `not_known` says in words what the numbers leave out. A number is None
    where nothing is known that it could count.
    """

    readable: int | None = 0
    writable: int | None = 0
    private: int | None = 0
    gated: int | None = 0
    downloads_month: int = 0
    repositories: tuple[ReachedBy, ...] = ()
    admin_of: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()


@dataclass(frozen=True)
class IncidentChange:
    """Something that happened in a place which touched credentials could reach, at or after the incident's start.

    `at` is None where the Hub does not tell when. `by` is an account or what a commit says of its author, `what` a
    title or message: both are strangers' words. `credential` is the fingerprint of the one touched credential that the
    event points to, where it does; `note` says how, and what else is odd.
    """

    kind: ChangeKind
    where: str
    what: str
    at: datetime | None = None
    by: str | None = None
    id: str | None = None
    note: str = ""
    credential: str | None = None


@dataclass(frozen=True)
class ActionItem:
    """One thing that is still open, or that is done.

    `subject` is a fingerprint, the place and name of a stored secret, or a repository. `why` says what is open or how
    it was settled, `do` what is to be done about it, `command` the command for that where there is one.
    """

    about: About
    subject: str
    title: str
    severity: Severity
    touched: MatchReason
    why: str
    do: str = ""
    command: str | None = None


@dataclass(frozen=True)
class IncidentSummary:
    """Counts for the top of the report. `untouched` counts credentials certainly created after the cut-off."""

    credentials: int = 0
    perhaps: int = 0
    credentials_open: int = 0
    secrets: int = 0
    secrets_open: int = 0
    open: int = 0
    done: int = 0
    changes: int = 0
    untouched: int = 0


@dataclass(frozen=True)
class IncidentContents:
    """What changed inside the repositories that affected credentials could write, in order of harm.

    `mode` is which files were read (`--contents`), `examined` the number of repositories, `downloaded` the bytes read.
    """

    mode: ContentsMode = "changed"
    repositories: tuple[ExaminedRepository, ...] = ()
    summary: ChangesSummary = field(default_factory=ChangesSummary)
    examined: int = 0
    downloaded: int = 0


@dataclass(frozen=True)
class IncidentReport:
    """The report on one incident.

    `since` is the time from which changes are listed, `since_reason` its reason. `sources` are the sources of the
    credentials. `complete` is False if something could not be read or queried: `skipped` says what, and what it
    requires. `open` is in order of harm. `contents` is None where contents were not examined.
    """

    tool: Tool
    started_at: datetime
    finished_at: datetime
    endpoint: str
    incident: Incident
    since: datetime
    since_reason: str
    complete: bool
    sources: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    summary: IncidentSummary = field(default_factory=IncidentSummary)
    credentials: tuple[AffectedCredential, ...] = ()
    secrets: tuple[StoredSecret, ...] = ()
    reach: Reached = field(default_factory=Reached)
    changes: tuple[IncidentChange, ...] = ()
    open: tuple[ActionItem, ...] = ()
    done: tuple[ActionItem, ...] = ()
    usage: tuple[TokenUse, ...] = ()
    contents: IncidentContents | None = None
    policy: Policy = field(default_factory=Policy)
    schema: Literal["tokenaudit/incident/1"] = "tokenaudit/incident/1"
