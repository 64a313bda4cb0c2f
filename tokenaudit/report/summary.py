"""The numbers of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.model import Summary

if TYPE_CHECKING:
    from tokenaudit.model import Report


def summarize(report: Report, *, unlikely: int | None = None, known: int = 0) -> Summary:
    """Counts what `report` lists. `unlikely` is given where its placeholders are no longer in it."""
    likely = [c for c in report.credentials if c.likelihood == "credential"]
    return Summary(
        credentials=len(likely),
        active=sum(c.inspection is not None and c.inspection.status == "active" for c in likely),
        over_privileged=sum(c.verdict is not None and c.verdict.privilege == "over" for c in likely),
        problems=len(report.problems),
        unlikely=len(report.credentials) - len(likely) if unlikely is None else unlikely,
        known=known,
    )
