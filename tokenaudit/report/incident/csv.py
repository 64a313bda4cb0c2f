"""The incident report as CSV with one row per item, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.csv import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenaudit.incident.model import IncidentReport
    from tokenaudit.report import Options

COLUMNS = ("state", "severity", "kind", "touched", "where", "what", "at", "by", "why", "do", "command")


def render(view: IncidentReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Rows of state `open`, `done`, `changed` and `not-asked`, in this order."""
    return table(COLUMNS, _rows(view))


def _rows(view: IncidentReport) -> Iterator[tuple[object, ...]]:
    for state, items in (("open", view.open), ("done", view.done)):
        for item in items:
            yield (
                state, item.severity.value, item.about, item.touched, item.subject, item.title, None, None, item.why,
                item.do, item.command,
            )  # fmt: skip
    for change in view.changes:
        at = change.at.isoformat() if change.at else None
        touched = "yes" if change.credential else None
        yield ("changed", None, change.kind, touched, change.where, change.what, at, change.by, change.note, None, None)
    for entry in view.skipped:
        yield ("not-asked", None, None, None, entry.where, None, None, None, entry.reason, None, None)
