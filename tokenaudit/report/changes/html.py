"""The examination of changes as one HTML file: a timeline per repository, without scripts and external requests.

Every expression goes through `visible` and Jinja's escaping, and the Content-Security-Policy allows the page's own
style only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tokenaudit.changes import phrasing
from tokenaudit.report.web_page import environment, own_file, policy
from tokenaudit.timestamps import minute

if TYPE_CHECKING:
    from datetime import datetime

    from jinja2 import Environment

    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository, RepositoryCommit
    from tokenaudit.report import Options


@dataclass(frozen=True)
class TimelineEntry:
    """One moment of a repository: a commit with the files that it changed, or the last good revision."""

    at: datetime | None
    commit: RepositoryCommit | None
    files: tuple[ChangedFile, ...] = ()

    @property
    def risk(self) -> str:
        """The worst risk of the files."""
        return min((file.risk for file in self.files), key=phrasing.WORST.index, default="none")


def timeline(repository: ExaminedRepository) -> list[TimelineEntry]:
    """The commits of the window, newest first, each with the files whose newest change it made."""
    found = []
    placed: set[int] = set()
    for commit in repository.commits:
        files = tuple(file for file in phrasing.ordered(repository.files) if file.commits[:1] == (commit.id,))
        placed |= {id(file) for file in files}
        found.append(TimelineEntry(commit.pushed_at or commit.at, commit, files))
    left = tuple(file for file in phrasing.ordered(repository.files) if id(file) not in placed)
    return [*([TimelineEntry(None, None, left)] if left else []), *found]


def render(view: ChangesReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """The whole page."""
    style = own_file(__package__ or "", "changes.css")
    template = _environment().get_template("changes.html")
    return (
        template.render(
            view=view,
            policy=policy(style),
            style=Markup(style),  # noqa: S704 - a file of this package, not text of a report
            phrasing=phrasing,
            timeline=timeline,
        )
        + "\n"
    )


@functools.cache
def _environment() -> Environment:
    found = environment(__package__ or "")
    found.filters["minute"] = minute
    return found
