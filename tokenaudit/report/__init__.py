"""Output formats of a `Report`, one file per format.

A format is a module with `render(report, options) -> str`. None of them prints, and none ever sees a credential's
value: a report has fingerprints and display forms only (`tokenaudit.redaction` masks values in texts
that came from scanned places).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from tokenaudit.errors import UsageError
from tokenaudit.map_text import T
from tokenaudit.redaction import masked
from tokenaudit.text import neutral

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenaudit.model import Report, Rule

FORMATS: dict[str, str] = {
    "text": "tokenaudit.report.text",
    "json": "tokenaudit.report.json",
    "sarif": "tokenaudit.report.sarif",
    "gitlab": "tokenaudit.report.gitlab",
    "github": "tokenaudit.report.github",
    "markdown": "tokenaudit.report.markdown",
    "html": "tokenaudit.report.html",
    "csv": "tokenaudit.report.csv",
    "junit": "tokenaudit.report.junit",
}
"""Format name to the module that writes it; a module is imported when its format is used."""


SCREENS: dict[str, str] = {"identity": "tokenaudit.report.identity"}
"""Formats for a terminal that a command uses instead of `text`."""


@dataclass(frozen=True)
class Options:
    """How to write a report.

    `width` is that of the terminal in columns, None for no wrapping. `show_unlikely` lists placeholders and
    look-alikes, which are otherwise only counted; `show_dead` lists invalid and expired credentials in the formats
    that fold them. `rules` are the rules by id, for the formats that include them. `rotation` is the state of a
    credential's rotation in words, by fingerprint, if known.
    """

    color: bool = False
    width: int | None = None
    show_unlikely: bool = False
    show_dead: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    rotation: Mapping[str, str] = field(default_factory=dict)


class Format(Protocol):
    """What a format's module looks like."""

    def render(self, document: Any, options: Options, /) -> str:  # noqa: ANN401 - a `Report` or another document
        """The whole document, ending in a line feed."""


def render(
    report: Report,
    format: str,  # noqa: A002 - the option's name, and the word for it
    *,
    color: bool = False,
    width: int | None = None,
    show_unlikely: bool = False,
    show_dead: bool = False,
    rules: Mapping[str, Rule] | None = None,
    rotation: Mapping[str, str] | None = None,
) -> str:
    """`report` in the named format, ending in a line feed; see `Options` for the other arguments.

    Raises:
        UsageError: there is no such format.
    """
    try:
        module = (FORMATS | SCREENS)[format]
    except KeyError:
        message = f"invalid report format {format!r}; use one of {', '.join(FORMATS)}"
        raise UsageError(message) from None
    chosen = cast("Format", importlib.import_module(module))
    options = Options(color, width, show_unlikely, show_dead, rules or {}, rotation or {})
    return chosen.render(masked(report), options)


def render_document(formats: Mapping[str, str], document: T, format: str, options: Options) -> str:  # noqa: A002 - as above
    """A document other than a `Report` in one of `formats`, which map a format's name to the module that writes it.

    The module gets the document masked and without chat markers, because an agent can read the output.
    """
    chosen = cast("Format", importlib.import_module(formats[format]))
    return chosen.render(neutral(masked(document)), options)
