"""Output formats of the examination of changes, one file per format.

As with reports, a format is a module with `render(view, options) -> str`. What is rendered is masked and has nothing
that a language model takes for the turns of a chat; each format escapes what has a meaning in it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from tokenaudit.redaction import masked
from tokenaudit.report import Options
from tokenaudit.text import neutral

if TYPE_CHECKING:
    from tokenaudit.changes.model import ChangesReport

FORMATS: dict[str, str] = {
    "text": "tokenaudit.report.changes.text",
    "json": "tokenaudit.report.changes.json",
    "sarif": "tokenaudit.report.changes.sarif",
    "markdown": "tokenaudit.report.changes.markdown",
    "html": "tokenaudit.report.changes.html",
    "csv": "tokenaudit.report.changes.csv",
}
"""Format name to the module that writes it."""


class ChangesReportFormat(Protocol):
    """The interface of a format's module."""

    def render(self, view: ChangesReport, options: Options) -> str:
        """The whole document, ending in a line feed."""


def render(view: ChangesReport, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002 - the option's name
    """`view` in one of `FORMATS`, ending in a line feed; see `tokenaudit.report.Options` for the other arguments."""
    chosen = cast("ChangesReportFormat", importlib.import_module(FORMATS[format]))
    return chosen.render(neutral(masked(view)), Options(color, width))
