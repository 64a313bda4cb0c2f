"""Output formats of a usage report, one file per format.

As with reports, a format is a module with `render(usage, options) -> str`, and none of them ever sees a value.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from tokenaudit.redaction import masked
from tokenaudit.report import Options
from tokenaudit.text import neutral

if TYPE_CHECKING:
    from tokenaudit.audit_log.model import UsageReport

FORMATS: dict[str, str] = {
    "text": "tokenaudit.report.usage.text",
    "json": "tokenaudit.report.usage.json",
    "markdown": "tokenaudit.report.usage.markdown",
    "html": "tokenaudit.report.usage.html",
    "csv": "tokenaudit.report.usage.csv",
}
"""Format name to the module that writes it."""


class UsageReportFormat(Protocol):
    """What a format's module looks like."""

    def render(self, usage: UsageReport, options: Options) -> str:
        """The whole document, ending in a line feed."""


def render(usage: UsageReport, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002 - the option's name
    """`usage` in one of `FORMATS`, ending in a line feed; see `tokenaudit.report.Options` for the other arguments."""
    chosen = cast("UsageReportFormat", importlib.import_module(FORMATS[format]))
    return chosen.render(neutral(masked(usage)), Options(color, width))
