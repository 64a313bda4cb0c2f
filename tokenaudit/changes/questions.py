"""Requests about one repository, and what could not be read: shared by the steps of its examination."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from tokenaudit.changes.judgements import Judgements
from tokenaudit.changes.model import ContentsMode
from tokenaudit.changes.versions import Files
from tokenaudit.changes.window import ChangesWindow
from tokenaudit.content.change import FileVersion
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import needs
from tokenaudit.hub.remote_file import DownloadBudget, RemoteFile
from tokenaudit.hub.repo_content import RepoFile, is_gone, tree
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.model import Skipped
from tokenaudit.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True)
class ExaminationContext:
    """What all repositories of a run share."""

    hub: Hub
    secret: Secret | None
    window: ChangesWindow
    contents: ContentsMode
    budget: DownloadBudget
    judgements: Judgements


@dataclass
class RepositoryQuestions:
    """Requests data of one repository; `skipped` collects what could not be read or examined.

    `not_known` describes what the Hub did not say, if that is usual.
    """

    context: ExaminationContext
    repository: HubRepository
    skipped: list[Skipped] = field(default_factory=list)
    not_known: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The repository in messages."""
        return self.repository.page

    def skip(self, where: str, reason: str) -> None:
        """Records what could not be read or examined."""
        self.skipped.append(Skipped(where, reason))

    def asked(self, where: str, answer: T | Failure) -> T | None:
        """The response; None for a failure, which is then in `skipped`."""
        if isinstance(answer, Failure):
            self.skip(where, needs(answer, f"repo.content.read on {self.where}"))
            return None
        if isinstance(answer, PagedListing) and answer.incomplete:
            self.skip(where, answer.incomplete)
        return answer

    def tree(self, revision: str, *, gone: str = "") -> Files | None:
        """The files of a revision; `gone` is the message if the revision does not exist."""
        answer = tree(self.context.hub, self.repository, revision, self.context.secret)
        where = f"{self.where}: files at {revision[:12]}"
        if isinstance(answer, Failure) and gone and is_gone(answer):
            self.skip(where, gone)
            return None
        listing = self.asked(where, answer)
        return None if listing is None else {file.path: file for file in listing}

    def version(self, revision: str, file: RepoFile) -> FileVersion:
        """A file at a revision, which is requested from the Hub when it is opened."""
        context = self.context
        remote = RemoteFile(
            context.hub, self.repository, revision, file.path, file.size or 0, context.secret, context.budget
        )
        return FileVersion(file.path, file.size or 0, file.content_id or None, remote.open)
