"""Output formats of a usage report, one file per format.

A format is a module with `render(document, options) -> str`. The document is masked and has no chat markers; each
format escapes the characters that have a meaning in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report import Options, render_document

if TYPE_CHECKING:
    from tokenaudit.audit_log.model import UsageReport

FORMATS: dict[str, str] = {
    "text": "tokenaudit.report.usage.text",
    "json": "tokenaudit.report.json_document",
    "markdown": "tokenaudit.report.usage.markdown",
    "html": "tokenaudit.report.usage.html",
    "csv": "tokenaudit.report.usage.csv",
}
"""Format name to the module that writes it."""


def render(document: UsageReport, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002 - the option's name
    """`document` in one of `FORMATS`, ending in a line feed; the other arguments are `tokenaudit.report.Options`."""
    return render_document(FORMATS, document, format, Options(color, width))
