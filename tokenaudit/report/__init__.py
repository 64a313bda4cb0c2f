"""Output formats of a `Report`, one file per format.

A format is a module with `render(report, options) -> str`. None of them prints, and none ever sees a credential's
value: a report has fingerprints and display forms only (`tokenaudit.redaction` masks values in texts
that came from scanned places).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from tokenaudit.errors import UsageError
from tokenaudit.redaction import masked

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
"""Format name to the module that writes it; modules are imported when their format is asked for."""


SCREENS: dict[str, str] = {"identity": "tokenaudit.report.identity"}
"""Further forms for a terminal, which a command takes in place of `text` for what it alone is about."""


@dataclass(frozen=True)
class Options:
    """How a report is to be written.

    `width` is the terminal's in columns, None where the reader is no terminal: lines are then never wrapped.
    `show_unlikely` lists placeholders and look-alikes too, which are otherwise only counted; `show_dead` does the same
    for credentials that are invalid or expired, in the formats that fold them. `rules` is the reference
    of the rules by their ids, for the formats that carry one; without it they say what the findings themselves say.
    `rotation` says of a credential, by fingerprint and in words, how far its rotation is, where that is known.
    """

    color: bool = False
    width: int | None = None
    show_unlikely: bool = False
    show_dead: bool = False
    rules: Mapping[str, Rule] = field(default_factory=dict)
    rotation: Mapping[str, str] = field(default_factory=dict)


class Format(Protocol):
    """What a format's module looks like."""

    def render(self, report: Report, options: Options) -> str:
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
