"""A runbook as Markdown for an issue tracker, or as JSON."""

from __future__ import annotations

import re

import msgspec

from tokenaudit.json_text import json_text
from tokenaudit.map_text import map_text
from tokenaudit.redaction import masked
from tokenaudit.remediate.runbook import PlannedCredential, Runbook, RunbookConsumer, RunbookStep
from tokenaudit.report.markdown import code, escape
from tokenaudit.text import count, visible
from tokenaudit.timestamps import day

_PLAIN_LINK = re.compile(r"https://[\w./?=&#%-]+")
_DEAD = (
    "They need no replacement. Review what was done with each one while it was valid, remove the value, and update what"
    " still reads it. `--format json` has every step."
)
_TITLE = {
    "planned": "Planned rotation: revoke the old credential last",
    "breach": "Breach: revoke the old credential first",
}


def to_json(plan: Runbook) -> str:
    """The runbook as indented JSON, schema `tokenaudit/plan/1`."""
    written = msgspec.to_builtins(map_text(masked(plan), _lines))
    document = {"schema": written.pop("schema"), **written}
    return json_text(document)


def _lines(value: str) -> str:
    """Commands keep their line feeds."""
    return "\n".join(visible(line) for line in value.split("\n"))


def prose(value: str, link: str | None = None) -> str:
    """Our text, which can quote scanned places: its code spans and `link` are preserved, everything else is escaped."""
    if link and link in value and _PLAIN_LINK.fullmatch(link):
        before, _, after = value.partition(link)
        return f"{prose(before)}<{link}>{prose(after)}"
    parts = value.split("`")
    if len(parts) % 2 == 0:
        return _words(value)
    return "".join(code(part) if at % 2 else _words(part) for at, part in enumerate(parts))


def _words(value: str) -> str:
    """Plain text, escaped."""
    return escape(visible(value))


def to_markdown(plan: Runbook) -> str:
    """The runbook as a checklist: a section for each credential, a box for each step."""
    plan = masked(plan)
    lines = [f"# {_TITLE[plan.mode]}", ""]
    live = [found for found in plan.credentials if not found.dead]
    dead = [found for found in plan.credentials if found.dead]
    if not live:
        lines += ["No credential in the report needs a replacement.", ""]
    else:
        lines += ["| # | credential | severity | replacement | consumers |", "|---|---|---|---|---|"]
        lines += [_row(number, found) for number, found in enumerate(live, start=1)]
        lines.append("")
    for number, found in enumerate(live, start=1):
        lines += _section(number, found)
    if dead:
        lines += [f"## No longer valid: {count(len(dead), 'credential')}", "", _DEAD, "", *map(_dead, dead), ""]
    if plan.skipped:
        lines += ["## Skipped", "", "These places could contain more consumers and copies:", ""]
        lines += [f"- {code(entry.where)}: {prose(entry.reason)}" for entry in plan.skipped]
        lines.append("")
    return "\n".join(lines)


def _dead(found: PlannedCredential) -> str:
    state = next((step.do for step in found.steps if step.id == "identify"), "")
    consumers = f" {count(len(found.consumers), 'consumer')}." if found.consumers else ""
    return f"- [ ] {code(found.fingerprint[:12])} {prose(state)}{consumers}"


def _row(number: int, found: PlannedCredential) -> str:
    mark = code(f"{found.display} {found.fingerprint[:12]}")
    return (
        f"| {number} | {mark} | {found.severity.value} | {found.recommendation.replacement} | {len(found.consumers)} |"
    )


def _section(number: int, found: PlannedCredential) -> list[str]:
    lines = [
        f"## {number}. {code(found.display)}, {found.severity.value}",
        "",
        f"Fingerprint {code(found.fingerprint)}.",
        "",
    ]
    if found.consumers:
        lines += ["| consumer | where | name | owner | last change | certain |", "|---|---|---|---|---|---|"]
        lines += [_consumer(c) for c in found.consumers]
        lines.append("")
    lines += [f"- Unknown: {prose(place)}" for place in found.unknown_consumers]
    lines.append("")
    if found.recommendation.evidence:
        lines += ["| permission | certainty | location | code |", "|---|---|---|---|"]
        lines += [
            f"| {_cell(e.need)} | {e.certainty} | {_cell(f'{e.path}:{e.line}')} | {_cell(e.what)} |"
            for e in found.recommendation.evidence
        ]
        lines.append("")
    for at, step in enumerate(found.steps, start=1):
        lines += _step(f"{number}.{at}", step, found.recommendation.create_url)
    return lines


def _consumer(consumer: RunbookConsumer) -> str:
    changed = f"{day(consumer.updated_at)}" if consumer.updated_at else "unknown"
    owner = _words(consumer.owner) if consumer.owner else "unknown"
    name = _cell(consumer.name) if consumer.name else ""
    sure = "yes" if consumer.certain else "name only"
    return f"| {consumer.kind} | {_cell(consumer.where)} | {name} | {owner} | {changed} | {sure} |"


def _cell(value: str) -> str:
    """A code span in a table, where a bar would end the cell even inside code."""
    return code(value).replace("|", "\\|")


def _step(number: str, step: RunbookStep, link: str | None) -> list[str]:
    lines = [f"- [ ] **{number} {prose(step.title)}** ({step.id})", f"  - Do: {prose(step.do, link)}"]
    if step.command:
        fence = "```"
        while fence in step.command:
            fence += "`"
        lines += [
            "",
            f"    {fence}sh",
            *(f"    {visible(line)}" for line in step.command.splitlines()),
            f"    {fence}",
            "",
        ]
    return [*lines, f"  - Verify: {prose(step.verify)}", ""]
