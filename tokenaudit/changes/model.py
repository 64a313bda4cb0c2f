"""What the examination of repositories is made of; written as JSON field by field (`tokenaudit/changes/1`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tokenaudit.content.change import ContentFinding, FileChangeKind, FileFormat, Risk
from tokenaudit.model import Severity, Skipped, Tool

HubRepositoryType: TypeAlias = Literal["model", "dataset", "space", "kernel", "bucket"]

ContentsMode: TypeAlias = Literal["none", "changed", "all"]
"""Which files are examined: none, those that changed, or every file of every repository."""


@dataclass(frozen=True)
class RepositoryCommit:
    """A commit of the window. `at`, `author` and `title` are what the commit says of itself.

    `pushed_at` is the server's time of a large file that the commit brought, `pushed_by` the account that uploaded it;
    both are None where there is no such file, or the Hub did not say. `ref` is None for the default branch.
    """

    id: str
    at: datetime | None
    author: str | None
    title: str
    pushed_at: datetime | None = None
    pushed_by: str | None = None
    ref: str | None = None


@dataclass(frozen=True)
class ChangedFile:
    """One file that changed, or that was there in between only.

    `before` and `after` are content ids: the SHA-256 of a large file, else the id of the git blob. `size` is that of
    the version after, in bytes, of a deleted file that of the version before. `ref` is the branch or pull request that
    has the version after, None for the default branch; `removed_in` is the commit of the window that removed this
    version again. `skipped` says what of the file was not examined.
    """

    path: str
    change: FileChangeKind | Literal["unchanged"]
    format: FileFormat
    size: int
    before: str | None
    after: str | None
    commits: tuple[str, ...] = ()
    risk: Risk = "none"
    hub_scan: str | None = None
    findings: tuple[ContentFinding, ...] = ()
    previous_path: str | None = None
    ref: str | None = None
    removed_in: str | None = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedBy:
    """Code or CI that is known to load a repository. `pin` is the commit it asks for, None where none is known."""

    where: str
    path: str | None
    line: int | None
    what: str
    pin: str | None = None


@dataclass(frozen=True)
class ExaminedRepository:
    """A repository, what changed in it, and what that does.

    `head` is the commit of the default branch. `good_revision` is the newest commit before the window, None where there
    is none or it can't be known. `access` is that of the touched credentials, whose `fingerprints` follow. `findings`
    are those about the repository as a whole. `not_known` says in words what the Hub did not tell.
    """

    id: str
    type: HubRepositoryType
    head: str | None
    good_revision: str | None
    downloads_month: int
    private: bool
    access: Literal["write", "read"] | None = None
    fingerprints: tuple[str, ...] = ()
    commits: tuple[RepositoryCommit, ...] = ()
    files: tuple[ChangedFile, ...] = ()
    findings: tuple[ContentFinding, ...] = ()
    loaded_by: tuple[LoadedBy, ...] = ()
    not_known: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The name as on the command line: `acme/m`, `datasets/acme/d`."""
        return self.id if self.type == "model" else f"{self.type}s/{self.id}"

    @property
    def all_findings(self) -> tuple[ContentFinding, ...]:
        """The findings of the repository and of its files."""
        return (*self.findings, *(each for file in self.files for each in file.findings))

    @property
    def severity(self) -> Severity | None:
        """The highest severity of a finding; None without findings."""
        found = [each.severity for each in self.all_findings]
        return max(found, key=lambda severity: severity.rank, default=None)


@dataclass(frozen=True)
class ChangesSummary:
    """What a reader looks at first: numbers of repositories that changed, of files, and of files by risk."""

    repositories: int = 0
    changed_files: int = 0
    executes: int = 0
    misleads: int = 0
    weakens: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class ChangesReport:
    """What changed in some repositories. `since` is a time (RFC 3339) or a commit id.

    `repositories` holds every repository in which something changed or that has findings, the most harmful first;
    `examined` counts all that were looked at. `complete` is False where something could not be read or examined.
    """

    tool: Tool
    started_at: datetime
    finished_at: datetime
    since: str
    complete: bool
    skipped: tuple[Skipped, ...] = ()
    repositories: tuple[ExaminedRepository, ...] = ()
    summary: ChangesSummary = field(default_factory=ChangesSummary)
    endpoint: str = ""
    examined: int = 0
    downloaded: int = 0
    """Bytes of contents that were downloaded."""
    schema: Literal["tokenaudit/changes/1"] = "tokenaudit/changes/1"
