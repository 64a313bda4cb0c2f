"""What all HTML formats share: templates that escape every text, and a policy that allows only a page's own code."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tokenaudit.text import shorten, visible

LONGEST = 2000
"""Maximum characters of one text."""


def environment(package: str) -> Environment:
    """Templates of `package`; each expression goes through `visible` and Jinja's escaping, in this order."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _harmless(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return shorten(visible(value), LONGEST)


def own_file(package: str, name: str) -> str:
    """The text of a style or script in the templates of `package`."""
    return (importlib.resources.files(package) / "templates" / name).read_text(encoding="utf-8")


def policy(style: str, script: str = "") -> str:
    """The Content-Security-Policy of a page: its own style and script by their hashes, and nothing else."""
    scripts = f"; script-src {_hash(script)}" if script else ""
    return f"default-src 'none'; style-src {_hash(style)}{scripts}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
