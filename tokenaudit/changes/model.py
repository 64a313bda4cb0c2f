"""The data model of examined repositories, written as JSON field by field (`tokenaudit/changes/1`)."""

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
    """A commit of the window. Its author chose `at`, `author` and `title`.

    `pushed_at` is the server's time of a large file that the commit added, `pushed_by` the account that uploaded it;
    both are None if there is no such file or the Hub did not say. `ref` is None for the default branch.
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
    """One file that changed, or that existed only in between.

    `before` and `after` are content ids: the SHA-256 of a large file, else the id of the git blob. `size` is the size
    in bytes of the version after, or of the version before for a deleted file. `ref` is the branch or pull request
    that has the version after, None for the default branch; `removed_in` is the commit of the window that removed this
    version again. `skipped` says what was not examined.
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
    """Code or CI that loads a repository. `pin` is the commit it requests, None if unknown."""

    where: str
    path: str | None
    line: int | None
    what: str
    pin: str | None = None


@dataclass(frozen=True)
class ExaminedRepository:
    """A repository, what changed in it, and what the changes do.

    `head` is the commit of the default branch. `good_revision` is the newest commit before the window, None if there is
    none or it is unknown. `access` is the access of the affected credentials, whose `fingerprints` follow. `findings`
    are those about the repository as a whole. `not_known` describes what the Hub did not say.
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
    """Numbers of changed repositories, of files, and of files by risk."""

    repositories: int = 0
    changed_files: int = 0
    executes: int = 0
    misleads: int = 0
    weakens: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class ChangesReport:
    """What changed in some repositories. `since` is a time (RFC 3339) or a commit id.

    `repositories` are those with changes or findings, the most harmful first; `examined` counts all examined ones.
    `complete` is False if something could not be read or examined.
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
