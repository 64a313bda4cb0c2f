"""The view as Markdown for a tracker: a checklist of what is open and what is done, then what it may have led to.

Titles, messages and names are strangers' words: they are put where Markdown means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.incident import phrasing
from tokenaudit.report.markdown import code, text
from tokenaudit.report.plan import prose
from tokenaudit.report.presentation import policy_lines
from tokenaudit.text import and_more, count, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenaudit.incident.model import ActionItem, IncidentChange, IncidentReport
    from tokenaudit.report import Options

_MOST = 200


def render(view: IncidentReport, options: Options) -> str:  # noqa: ARG001 - the face of every format
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
        f"- Known from: {text(', '.join(view.sources) or 'nothing')}",
        f"- Asked: {text(view.endpoint)}, {phrasing.moment(view.finished_at)}",
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
        f"## Changed since {phrasing.moment(view.since)}: {len(view.changes):,}",
        "",
        f"{text(view.since_reason[:1].upper() + view.since_reason[1:])}. Someone has to sign that each was their own.",
        "",
        *(_change(change) for change in view.changes[:_MOST]),
        *_more(view.changes),
        "",
    ]
    if view.skipped:
        lines += [f"## Not asked: {count(len(view.skipped), 'place')}", ""]
        lines += [f"- {code(entry.where)}: {text(entry.reason)}" for entry in view.skipped[:_MOST]]
        lines += [*_more(view.skipped), ""]
    lines += [f"- {text(line)}" if number else text(line) for number, line in enumerate(policy_lines(view.policy))]
    return "\n".join(lines).rstrip("\n") + "\n"


def _open(item: ActionItem, view: IncidentReport) -> Iterable[str]:
    doubt = ", perhaps touched" if item.touched == "perhaps" else ""
    mark = f" {code(item.subject)}" if item.about == "credential" else ""
    yield f"- [ ] **{item.severity.value}**{doubt}: {text(item.title)}{mark}"
    yield f"  - Open: {prose(item.why)}"
    for label, said in zip(("Where", "Reach"), phrasing.found(view, item), strict=True):
        if said:
            yield f"  - {label}: {text(said)}"
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
    lines = ["## Reach", "", f"Together the touched credentials {text(phrasing.reach(reached))}.", ""]
    if reached.admin_of:
        lines += [f"Their owners are administrators of {', '.join(code(name) for name in reached.admin_of)}.", ""]
    if reached.repositories:
        lines += ["| repository | access | private | downloads a month |", "| --- | --- | --- | --- |"]
        for repo in reached.repositories[:_MOST]:
            private = {True: "yes", False: "no", None: "not known"}[repo.private]
            downloads = "not known" if repo.downloads is None else f"{repo.downloads:,}"
            name = code(f"{repo.type} {repo.id}").replace("|", "\\|")
            lines.append(f"| {name} | {repo.access} | {private} | {downloads} |")
        lines += [*_more(reached.repositories), ""]
    lines += [f"- Not known: {text(unknown)}" for unknown in reached.not_known[:_MOST]]
    return [*lines, ""]


def _change(change: IncidentChange) -> str:
    touched = " **(a touched token)**" if change.credential else ""
    return f"- [ ] {phrasing.moment(change.at)} {code(change.where)} {text(phrasing.happened(change))}{touched}"


def _more(entries: Sequence[object]) -> list[str]:
    left = and_more(len(entries), _MOST, "all of them: `--format json`")
    return ["", f"{left.capitalize()}."] if left else []
