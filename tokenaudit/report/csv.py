"""CSV with one row per finding and place, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timezone
from typing import TYPE_CHECKING

from tokenaudit.report import presentation
from tokenaudit.report.flat_findings import flat_findings
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.model import Report
    from tokenaudit.report import Options

COLUMNS = (
    "severity", "rule", "credential", "fingerprint", "kind", "status", "target", "path", "line", "column", "commit",
    "author", "date", "still_there", "message", "remedy", "repeats",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")


def render(report: Report, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Findings, most severe first, then rows of severity `not-read` for skipped places, `accepted`, `excluded`."""
    return table(COLUMNS, _rows(report))


def _rows(report: Report) -> Iterator[Mapping[str, object] | Sequence[object]]:
    for item in flat_findings(report):
        spot = item.spot
        yield (
            item.severity.value, item.rule, item.display, item.fingerprint,
            item.credential.kind if item.credential else None, item.status, item.target, item.path, item.line,
            item.column, item.commit, spot.author if spot else None,
            spot.date.astimezone(timezone.utc).isoformat() if spot and spot.date else None,
            {True: "yes", False: "no", None: "unknown"}[item.live], item.message, item.remedy,
            item.repeats if item.path is not None else None,
        )  # fmt: skip
    for entry in report.skipped:
        yield {"severity": "not-read", "target": entry.where, "message": entry.reason}
    active = [presentation.accepted_active_line(one) for one in report.accepted_active]
    notes = {"accepted": [*active, *(presentation.policy_lines(report.policy) if report.policy.accepted else [])]}
    notes["excluded"] = presentation.followed_lines(report) if report.excluded or report.ignored else []
    for severity, lines in notes.items():
        for line in lines:
            yield {"severity": severity, "message": line}


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object] | Sequence[object]]) -> str:
    """A header and rows, each a value per column, or values by column where the others are empty."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        values = [row.get(name) for name in columns] if isinstance(row, Mapping) else row
        writer.writerow([cell(value) for value in values])
    return out.getvalue()


def cell(value: object) -> str:
    """A value that a spreadsheet does not evaluate: an apostrophe is prepended to possible formulas."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    shown = visible(str(value))
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
