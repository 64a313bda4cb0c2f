"""The examination of changes as CSV with one row per finding, safe to open in a spreadsheet."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tokenaudit.report.csv import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenaudit.changes.model import ChangedFile, ChangesReport, ExaminedRepository
    from tokenaudit.report import Options

COLUMNS = (
    "repository", "type", "downloads_month", "path", "change", "format", "risk", "severity", "rule", "message", "names",
    "evidence", "line", "commits", "ref", "removed_in", "before", "after", "hub_scan", "good_revision", "remedy",
)  # fmt: skip


def render(view: ChangesReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """A row per finding, or per file without one; then one with the risk `not-read` per skipped place."""
    rows = (row for repository in view.repositories for row in _rows(repository))
    skipped = ({"repository": each.where, "risk": "not-read", "message": each.reason} for each in view.skipped)
    return table(COLUMNS, chain(rows, skipped))


def _rows(repository: ExaminedRepository) -> Iterator[tuple[object, ...]]:
    head = (repository.id, repository.type, repository.downloads_month)
    for finding in repository.findings:
        yield (
            *head, None, None, None, finding.risk, finding.severity.value, finding.rule, finding.message,
            " ".join(finding.names), finding.evidence, finding.line, None, None, None, None, None, None,
            repository.good_revision, finding.remedy,
        )  # fmt: skip
    for file in repository.files:
        yield from _of_file(repository, file, head)


def _of_file(
    repository: ExaminedRepository, file: ChangedFile, head: tuple[object, ...]
) -> Iterator[tuple[object, ...]]:
    tail = (
        " ".join(file.commits), file.ref, file.removed_in, file.before, file.after, file.hub_scan,
        repository.good_revision,
    )  # fmt: skip
    about = (file.path, file.change, file.format)
    for finding in file.findings:
        yield (
            *head, *about, finding.risk, finding.severity.value, finding.rule, finding.message, " ".join(finding.names),
            finding.evidence, finding.line, *tail, finding.remedy,
        )  # fmt: skip
    if not file.findings:
        yield (*head, *about, file.risk, None, None, "; ".join(file.skipped), None, None, None, *tail, None)
