"""Lists of the rules and detectors."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

from tokenaudit.json_text import json_text
from tokenaudit.model import Rule
from tokenaudit.report.incident.phrasing import dates
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.detect.plugins import Plugin
    from tokenaudit.policy.settings import Incident

_WIDTH = 100


def rules_text(rules: Sequence[Rule], *, whole: bool) -> str:
    """One line per rule, or one page per rule with `whole`."""
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
        *(f"OWASP {risk}" for risk in rule.owasp),
        *(f"See: {reference}" for reference in rule.references),
    ]
    return "\n\n".join(parts) + "\n"


def rules_json(rules: Iterable[Rule]) -> str:
    """The rules as JSON."""
    listed = [{**asdict(rule), "severity": rule.severity.value} for rule in rules]
    return json_text({"schema": "tokenaudit/rules/1", "rules": listed})


def plugins_text(plugins: Iterable[Plugin]) -> str:
    """One block per file: its path, then its detectors."""
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


def incidents_text(incidents: Sequence[Incident]) -> str:
    """A paragraph each."""
    return "\n".join(
        "".join(
            f"{visible(line)}\n"
            for line in (
                f"{incident.id}: {incident.title}",
                f"    {dates(incident)}",
                f"    {incident.advice}",
                *((f"    {incident.source}",) if incident.source else ()),
            )
        )
        for incident in incidents
    )


def incidents_json(incidents: Sequence[Incident]) -> str:
    """The rows of the table, schema `tokenaudit/incidents/1`."""
    rows = [
        {
            "id": incident.id,
            "title": incident.title,
            "began": _written(incident.began),
            "ended": _written(incident.ended),
            "disclosed": _written(incident.disclosed),
            "cutoff": _written(incident.cutoff),
            "advice": incident.advice,
            "source": incident.source,
        }
        for incident in incidents
    ]
    return json_text({"schema": "tokenaudit/incidents/1", "incidents": rows})


def _written(time: date | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
