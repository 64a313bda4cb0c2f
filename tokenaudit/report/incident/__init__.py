"""Output formats of an incident report, one file per format.

As with reports, a format is a module with `render(view, options) -> str`, and none of them ever sees a value.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from tokenaudit.redaction import masked
from tokenaudit.report import Options
from tokenaudit.text import neutral

if TYPE_CHECKING:
    from tokenaudit.incident.model import IncidentReport

FORMATS: dict[str, str] = {
    "text": "tokenaudit.report.incident.text",
    "json": "tokenaudit.report.incident.json",
    "markdown": "tokenaudit.report.incident.markdown",
    "csv": "tokenaudit.report.incident.csv",
}
"""Format name to the module that writes it."""


class IncidentReportFormat(Protocol):
    """What a format's module looks like."""

    def render(self, view: IncidentReport, options: Options) -> str:
        """The whole document, ending in a line feed."""


def render(view: IncidentReport, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002 - the option's name
    """`view` in one of `FORMATS`, ending in a line feed; see `tokenaudit.report.Options` for the other arguments."""
    chosen = cast("IncidentReportFormat", importlib.import_module(FORMATS[format]))
    return chosen.render(neutral(masked(view)), Options(color, width))
