"""Every kind in every place: found once, of that kind, unwrapped that way, on that line.

The table in docs/detection.md is what these tests see; `TOKENAUDIT_WRITE_DOCS=1 pytest tests/detect` writes it anew.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from tests.support.contexts import CONTEXTS, Context
from tests.support.mint import Mint
from tokenaudit.detect import Detector

DOCUMENT = Path(__file__).parents[2] / "docs" / "detection.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
KINDS = {
    "user_token": Mint.user_token,
    "org_token": Mint.org_token,
    "oauth_token": Mint.oauth_token,
    "oauth_refresh_token": Mint.refresh_token,
    "oidc_token": Mint.oidc_token,
    "app_token": Mint.app_token,
    "s3_token": Mint.s3_token,
    "oauth_client_secret": Mint.client_secret,
    "legacy_token": Mint.legacy_token,
}
LOOK_ALIKES = {("legacy_token", "NAME_")}
"""`api_` is everybody's prefix, so a name in front of it makes a look-alike: seen, counted, and not called one."""


@cache
def detector() -> Detector:
    return Detector.load()


def outcome(kind: str, context: Context) -> str:
    """What the table says: yes, look-alike, or what went wrong."""
    value = KINDS[kind](Mint(f"{kind} {context.name}"))
    detections = detector().scan(context.write(value)).detections
    if len(detections) != 1:
        return f"seen {len(detections)} times"
    seen = detections[0]
    if (seen.kind, seen.secret.reveal()) != (kind, value):
        return f"taken for another {seen.kind}"
    if seen.via != context.via:
        return f"unwrapped by {seen.via}"
    if seen.line != context.line or context.column not in {None, seen.column}:
        return f"placed at {seen.line}:{seen.column}"
    return "yes" if seen.likelihood == "credential" else f"called {seen.likelihood}"


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: f"{context.group}: {context.name}")
def test_every_kind_is_found_in(context: Context) -> None:
    expected = {
        kind: "called identifier" if (kind, context.name) in LOOK_ALIKES and context.group == "preceded by" else "yes"
        for kind in KINDS
    }
    assert {kind: outcome(kind, context) for kind in KINDS} == expected


def table() -> str:
    names = [kind.removesuffix("_token").replace("_", " ") for kind in KINDS]
    lines = ["| where | " + " | ".join(names) + " | unwrapped by |", "|---" * (len(names) + 2) + "|"]
    for context in CONTEXTS:
        cells = [{"yes": "✓", "called identifier": "look-alike"}.get(outcome(kind, context), "✗") for kind in KINDS]
        shown = context.name.replace("|", "\\|").replace("<", "&lt;")
        where = f"{context.group} `{shown}`" if context.group.endswith("by") else f"{context.group}: {shown}"
        lines.append(f"| {where} | " + " | ".join(cells) + f" | {', '.join(context.via) or 'nothing'} |")
    return "\n".join(lines) + "\n"


def test_the_table_in_the_documentation_is_current() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("TOKENAUDIT_WRITE_DOCS"):
        DOCUMENT.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
        return
    assert written == table()
