"""The report as one HTML file without external requests that runs only its own script.

Every expression of the templates goes through `visible` and Jinja's escaping, in this order, so that no text from a
scanned place can be forgotten. The Content-Security-Policy names the page's own style and script by their hashes and
allows nothing else, so even markup that got through could load and run nothing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from tokenaudit.report.html.view_model import page
from tokenaudit.report.remedies import sentences
from tokenaudit.text import shorten, visible
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from tokenaudit.model import Report
    from tokenaudit.report import Options

_LONGEST = 2000


def render(report: Report, options: Options) -> str:
    """The whole page."""
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("page.html")
    # Both are files of this package, not texts of a report.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704 - see the line above
    return template.render(page=page(report, options), policy=policy, **own) + "\n"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tokenaudit.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "day": day, "minute": minute}
    return environment


def _prose(value: str) -> Markup:
    """Words as a sentence, in which pairs of backticks mark code, as the rules write them."""
    parts = shorten(visible(sentences(value)), _LONGEST).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    marked = (
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
    return Markup("").join(marked)


def _harmless(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return shorten(visible(value), _LONGEST)


def _own(name: str) -> str:
    return (importlib.resources.files(__name__) / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
