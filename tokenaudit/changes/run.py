"""Examines several repositories concurrently, and reports the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from tokenaudit.changes.examine import RepositoryComparison
from tokenaudit.changes.judgements import Judgements
from tokenaudit.changes.model import (
    ChangesReport,
    ChangesSummary,
    ContentsMode,
    ExaminedRepository,
    LoadedBy,
)
from tokenaudit.changes.questions import ExaminationContext
from tokenaudit.changes.window import ChangesWindow
from tokenaudit.content.change import Risk
from tokenaudit.hub.client import Hub
from tokenaudit.hub.remote_file import DownloadBudget
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.interfaces import NullProgress, Progress
from tokenaudit.model import Credential, Skipped, Tool
from tokenaudit.redaction import redacted
from tokenaudit.secret import Secret
from tokenaudit.text import neutral

MAX_DOWNLOAD = 2_000_000_000
"""Default limit of downloaded contents of a run, in bytes."""

_THREADS = 6
"""Number of repositories that are examined concurrently; most of the time is spent waiting for the Hub."""

_HARM: Mapping[Risk, int] = {"executes": 4, "misleads": 3, "weakens": 2, "unknown": 1, "none": 0}


@dataclass
class ChangesRun:
    """Examines repositories.

    Args:
        hub: the Hub, requested with `secret` (None: anonymously).
        window: which changes count.
        tool: the program that writes the report.
        now: the clock.
        contents: which files are read.
        max_download: maximum number of bytes of contents.
        judgements: cache of judgements.
        progress: receives the progress.
    """

    hub: Hub
    secret: Secret | None
    window: ChangesWindow
    tool: Tool
    now: Callable[[], datetime]
    contents: ContentsMode = "changed"
    max_download: int = MAX_DOWNLOAD
    judgements: Judgements = field(default_factory=Judgements)
    progress: Progress = field(default_factory=NullProgress)
    answered: int = field(default=0, init=False)
    """Repositories of the last examination that the Hub described."""

    def report(
        self,
        repositories: Sequence[HubRepository],
        skipped: Iterable[Skipped] = (),
        loaded_by: Mapping[str, tuple[LoadedBy, ...]] | None = None,
    ) -> ChangesReport:
        """Examine `repositories`; `skipped` is what is already missing, `loaded_by` the uses by page."""
        started = self.now()
        context, found, missing = self.examined(repositories)
        uses = loaded_by or {}
        shown = [replace(each, loaded_by=uses.get(each.page, ())) for each in found]
        everything = tuple(dict.fromkeys((*skipped, *missing)))
        report = ChangesReport(
            self.tool,
            started,
            self.now(),
            self.window.text,
            complete=not everything,
            skipped=everything,
            repositories=tuple(shown),
            summary=summarized(shown),
            endpoint=self.hub.endpoint,
            examined=self.answered,
            downloaded=context.budget.spent,
        )
        return neutral(redacted(report, [self.secret] if self.secret is not None else []))

    def examined(
        self, repositories: Sequence[HubRepository]
    ) -> tuple[ExaminationContext, list[ExaminedRepository], list[Skipped]]:
        """The repositories with changes or findings, the most harmful first; and what was skipped."""
        context = ExaminationContext(
            self.hub, self.secret, self.window, self.contents, DownloadBudget(self.max_download), self.judgements
        )
        self.progress.start("examining repositories", len(repositories))

        def one(repository: HubRepository) -> tuple[ExaminedRepository | None, list[Skipped]]:
            before = context.budget.spent
            queries = RepositoryComparison(context, repository)
            result = queries.examine()
            self.progress.advance(1, max(context.budget.spent - before, 0))
            return result, queries.skipped

        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tokenaudit-changes")
        try:
            answers = list(pool.map(one, repositories))
        finally:
            # After an interrupt, no more requests are sent; running ones are abandoned.
            pool.shutdown(wait=False, cancel_futures=True)
        self.judgements.close()
        found = [result for result, _ in answers if result is not None and (result.files or result.commits)]
        self.answered = sum(result is not None for result, _ in answers)
        missing = [each for _, skipped in answers for each in skipped]
        if self.judgements.unusable:
            self.progress.note(self.judgements.unusable)
        return context, sorted(found, key=harm), missing


def harm(repository: ExaminedRepository) -> tuple[object, ...]:
    """Sort key, the most harmful first: by the risk of the worst change, then by downloads, then by severity."""
    worst = max((_HARM[file.risk] for file in repository.files), default=0)
    severity = repository.severity
    rank = severity.rank if severity is not None else -1
    return (-worst, -repository.downloads_month, -rank, repository.type, repository.id)


def summarized(repositories: Iterable[ExaminedRepository]) -> ChangesSummary:
    """The numbers of `repositories`."""
    listed = list(repositories)
    files = [file for each in listed for file in each.files if file.change != "unchanged"]
    risks = [file.risk for each in listed for file in each.files]
    return ChangesSummary(
        repositories=sum(any(file.change != "unchanged" for file in each.files) for each in listed),
        changed_files=len(files),
        executes=risks.count("executes"),
        misleads=risks.count("misleads"),
        weakens=risks.count("weakens"),
        unknown=risks.count("unknown"),
    )


_REVISION = re.compile(r"""revision[=\s]+["']?([0-9a-f]{40})(?![0-9a-f])""")


def known_uses(credentials: Iterable[Credential]) -> dict[str, tuple[LoadedBy, ...]]:
    """Code that reads a repository, by page, from the evidence for the permissions of credentials."""
    found: dict[str, dict[LoadedBy, None]] = {}
    for credential in credentials:
        for each in credential.recommendation.evidence if credential.recommendation is not None else ():
            entity = each.entity
            if each.need != "repo.content.read" or entity is None or entity.name is None:
                continue
            page = entity.name if entity.type == "model" else f"{entity.type}s/{entity.name}"
            pinned = _REVISION.search(each.what)
            use = LoadedBy(each.target or "", each.path, each.line, each.what, pinned[1] if pinned else None)
            found.setdefault(page, {})[use] = None
    return {page: tuple(uses) for page, uses in found.items()}
