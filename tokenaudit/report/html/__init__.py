"""The report as one HTML file without external requests that runs only its own script.

Every expression of the templates goes through `visible` and Jinja's escaping, in this order, so that no text from a
scanned place can be forgotten. The Content-Security-Policy names the page's own style and script by their hashes and
allows nothing else, so even markup that got through could load and run nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from tokenaudit.report.html.view_model import page
from tokenaudit.report.remedies import sentences
from tokenaudit.report.web_page import LONGEST, environment, own_file, policy
from tokenaudit.text import shorten, visible
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from jinja2 import Environment

    from tokenaudit.model import Report
    from tokenaudit.report import Options


def render(report: Report, options: Options) -> str:
    """The whole page."""
    style, script = (own_file(__name__, name) for name in ("page.css", "page.js"))
    template = _environment().get_template("page.html")
    # Both are files of this package, not texts of a report.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704 - see the line above
    return template.render(page=page(report, options), policy=policy(style, script), **own) + "\n"


@functools.cache
def _environment() -> Environment:
    found = environment(__name__)
    found.filters |= {"prose": _prose, "day": day, "minute": minute}
    return found


def _prose(value: str) -> Markup:
    """Words as a sentence, in which pairs of backticks mark code, as the rules write them."""
    parts = shorten(visible(sentences(value)), LONGEST).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    marked = (
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
    return Markup("").join(marked)
