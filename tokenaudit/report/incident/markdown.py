"""The incident report as Markdown for an issue tracker: checklist of open and done items, then reach and changes.

Titles, messages and names are untrusted text and are escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.incident import phrasing
from tokenaudit.report.markdown import code, on_terminal, text
from tokenaudit.report.plan import prose
from tokenaudit.report.presentation import policy_lines
from tokenaudit.text import and_more, count, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenaudit.incident.model import ActionItem, IncidentChange, IncidentReport
    from tokenaudit.report import Options

_MOST = 200


def render(view: IncidentReport, options: Options) -> str:
    """The whole document."""
    incident = view.incident
    lines = [
        f"# Incident {code(incident.id)}",
        "",
        f"**{text(phrasing.answer(view))}**",
        "",
        f"- {text(incident.title)}",
        f"- {text(phrasing.dates(incident))}",
        f"- Advice: {text(incident.advice)}" + (f" ({text(incident.source)})" if incident.source else ""),
        f"- Sources: {text(', '.join(view.sources) or 'nothing')}",
        f"- Checked: {text(view.endpoint)}, {phrasing.moment(view.finished_at)}",
        "",
        f"## Open: {len(view.open):,}",
        "",
        *(line for item in view.open for line in _open(item, view)),
        *([] if view.open else ["Nothing.", ""]),
        f"## Done: {len(view.done):,}",
        "",
        *(f"- [x] {text(item.title)}: {prose(item.why)}" for item in view.done[:_MOST]),
        *_more(view.done),
        "",
        *_reach(view),
        *_contents(view),
        f"## Changed since {phrasing.moment(view.since)}: {len(view.changes):,}",
        "",
        f"{text(view.since_reason[:1].upper() + view.since_reason[1:])}. Confirm that each change is legitimate.",
        "",
        *(_change(change) for change in view.changes[:_MOST]),
        *_more(view.changes),
        "",
    ]
    if view.skipped:
        lines += [f"## Skipped: {count(len(view.skipped), 'place')}", ""]
        lines += [f"- {code(entry.where)}: {text(entry.reason)}" for entry in view.skipped[:_MOST]]
        lines += [*_more(view.skipped), ""]
    lines += [f"- {text(line)}" if number else text(line) for number, line in enumerate(policy_lines(view.policy))]
    page = "\n".join(lines).rstrip("\n") + "\n"
    return page if options.width is None else on_terminal(page)


def _open(item: ActionItem, view: IncidentReport) -> Iterable[str]:
    doubt = ", possibly affected" if item.touched == "perhaps" else ""
    subject = f" {code(item.subject)}" if item.about == "credential" else ""
    yield f"- [ ] **{item.severity.value}**{doubt}: {text(item.title)}{subject}"
    yield f"  - Open: {prose(item.why)}"
    for label, detail in zip(("Where", "Reach"), phrasing.found(view, item), strict=True):
        if detail:
            yield f"  - {label}: {text(detail)}"
    if item.do:
        yield f"  - Do: {prose(item.do)}"
    if not item.command:
        yield ""
    else:
        fence = "```"
        while fence in item.command:
            fence += "`"
        yield from ("", f"    {fence}sh", f"    {visible(item.command)}", f"    {fence}", "")


def _reach(view: IncidentReport) -> list[str]:
    reached = view.reach
    lines = ["## Reach", "", f"The affected credentials {text(phrasing.reach(reached))}.", ""]
    if reached.admin_of:
        lines += [f"The owners are administrators of {', '.join(code(name) for name in reached.admin_of)}.", ""]
    if reached.repositories:
        lines += ["| repository | access | private | downloads/month |", "| --- | --- | --- | --- |"]
        for repo in reached.repositories[:_MOST]:
            private = {True: "yes", False: "no", None: "unknown"}[repo.private]
            downloads = "unknown" if repo.downloads is None else f"{repo.downloads:,}"
            name = code(f"{repo.type} {repo.id}").replace("|", "\\|")
            lines.append(f"| {name} | {repo.access} | {private} | {downloads} |")
        lines += [*_more(reached.repositories), ""]
    lines += [f"- Unknown: {text(unknown)}" for unknown in reached.not_known[:_MOST]]
    return [*lines, ""]


def _contents(view: IncidentReport) -> list[str]:
    if view.contents is None:
        return []
    summary = view.contents.summary
    head = f"## Contents: {count(summary.changed_files, 'changed file')} in {summary.repositories:,} repositories"
    return [head, "", *(f"- {text(line)}" for line in phrasing.contents(view)[:_MOST]), ""]


def _change(change: IncidentChange) -> str:
    touched = " **(affected token)**" if change.credential else ""
    return f"- [ ] {phrasing.moment(change.at)} {code(change.where)} {text(phrasing.happened(change))}{touched}"


def _more(entries: Sequence[object]) -> list[str]:
    left = and_more(len(entries), _MOST, "`--format json` lists all")
    return ["", f"{left.capitalize()}."] if left else []
