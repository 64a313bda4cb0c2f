"""Plain lists of what tokenaudit consists of: its rules and its detectors."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tokenaudit.json_text import json_text
from tokenaudit.model import Rule

if TYPE_CHECKING:
    from tokenaudit.detect.plugins import Plugin

_WIDTH = 100


def rules_text(rules: Sequence[Rule], *, whole: bool) -> str:
    """One line a rule, or, for `whole`, a page each."""
    if not whole:
        longest = max((len(rule.id) for rule in rules), default=0)
        return "".join(f"{rule.id:<{longest}}  {rule.severity.value:<8}  {rule.title}\n" for rule in rules)
    return "\n".join(_page(rule) for rule in rules)


def _page(rule: Rule) -> str:
    parts = [
        f"{rule.id}: {rule.title}",
        f"severity {rule.severity.value}, confidence {rule.confidence}",
        textwrap.fill(f"Why: {rule.why}", _WIDTH),
        textwrap.fill(f"Do: {rule.remedy}", _WIDTH),
        f"Bad:\n{textwrap.indent(rule.bad.rstrip(), '    ')}",
        f"Good:\n{textwrap.indent(rule.good.rstrip(), '    ')}",
        *(f"See: {reference}" for reference in rule.references),
    ]
    return "\n\n".join(parts) + "\n"


def rules_json(rules: Iterable[Rule]) -> str:
    """The rules as JSON."""
    listed = [{**asdict(rule), "severity": rule.severity.value} for rule in rules]
    return json_text({"schema": "tokenaudit/rules/1", "rules": listed})


def plugins_text(plugins: Iterable[Plugin]) -> str:
    """One block a file: its path, then the detectors in it."""
    by_path: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        by_path.setdefault(str(plugin.path), []).append(plugin)
    lines: list[str] = []
    for path, members in by_path.items():
        lines.append(path)
        lines += [f"    {plugin.name}: {plugin.secret_type} ({plugin.kind})" for plugin in members]
    return "\n".join(lines) + "\n"


def plugins_json(plugins: Iterable[Plugin]) -> str:
    """The detectors as JSON."""
    listed = [{"name": p.name, "kind": p.kind, "secret_type": p.secret_type, "path": str(p.path)} for p in plugins]
    return json_text({"schema": "tokenaudit/plugins/1", "plugins": listed})
