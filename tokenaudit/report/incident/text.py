"""The incident report for a terminal: summary, open items with commands, reach, changes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tokenaudit.report.incident import phrasing
from tokenaudit.report.terminal import STYLES, TerminalWriter, clean
from tokenaudit.report.text import policy
from tokenaudit.text import count, visible

if TYPE_CHECKING:
    from tokenaudit.incident.model import ActionItem, IncidentReport
    from tokenaudit.report import Options

_MOST = 30


def render(view: IncidentReport, options: Options) -> str:
    """The whole screen."""
    screen = TerminalWriter(options.color, options.width)
    style = "bold red" if view.open else "bold green" if view.complete else "bold yellow"
    screen.add((phrasing.answer(view), style))
    incident = view.incident
    screen.row("incident", f"{clean(incident.id)}: {clean(incident.title)}")
    screen.row("", phrasing.dates(incident))
    screen.row("advice", clean(incident.advice), *((f"  [{clean(incident.source)}]",) if incident.source else ()))
    screen.row("sources", clean(", ".join(view.sources)) or "nothing")
    screen.blank()
    for item in view.open[:_MOST]:
        _open(screen, item, view)
    screen.more(len(view.open), _MOST)
    _done(screen, view)
    _reach(screen, view)
    _contents(screen, view)
    _changes(screen, view)
    screen.skipped(view.skipped, _MOST)
    policy(screen, view.policy)
    return screen.written()


def _open(screen: TerminalWriter, item: ActionItem, view: IncidentReport) -> None:
    doubt = "  possibly affected" if item.touched == "perhaps" else ""
    screen.add(
        (f" {item.severity.value.upper()} ", STYLES[item.severity]),
        "  ",
        (clean(item.title), "bold"),
        (f"  {clean(item.subject)[:12]}" if item.about == "credential" else "", "dim"),
        (doubt, "yellow"),
    )
    screen.row("open", clean(item.why))
    for label, detail in zip(("where", "reach"), phrasing.found(view, item), strict=True):
        if detail:
            screen.row(label, clean(detail))
    if item.do:
        screen.row("do", clean(item.do))
    if item.command:
        for number, line in enumerate(_folded(item.command, screen.row_width)):
            screen.row("" if number else "next", (line, "bold"))
    screen.blank()


def _folded(command: str, width: int | None) -> list[str]:
    """A command on several lines of at most `width` columns, joined by backslashes, so that it can be pasted."""
    words_ = [visible(shlex.quote(word)) for word in shlex.split(command)]
    lines = [words_[0]]
    for word in words_[1:]:
        if width is not None and len(lines[-1]) + len(word) + 3 > width:
            lines[-1] += " \\"
            lines.append(f"  {word}")
        else:
            lines[-1] += f" {word}"
    return lines


def _done(screen: TerminalWriter, view: IncidentReport) -> None:
    if not view.done:
        return
    screen.add((" DONE ", "bold black on green"), f"  {len(view.done):,}:")
    for item in view.done[:_MOST]:
        screen.add(clean(item.title), (f"  {clean(item.why)}", "dim"), indent=2)
    screen.more(len(view.done), _MOST)
    screen.blank()


def _reach(screen: TerminalWriter, view: IncidentReport) -> None:
    if not view.credentials:
        return
    reached = view.reach
    screen.add((" REACH ", "bold black on white"), f"  the affected credentials {phrasing.reach(reached)}")
    for repo in reached.repositories[:10]:
        kind = "private" if repo.private else "gated" if repo.gated else ""
        screen.add(f"{repo.access}  {clean(repo.type)} {clean(repo.id)}", (f"  {kind}", "dim"), indent=2)
    screen.more(len(reached.repositories), 10)
    if reached.admin_of:
        screen.add(f"administrator of {clean(', '.join(reached.admin_of))}", indent=2)
    for unknown in reached.not_known[:10]:
        screen.add(("unknown: ", "yellow"), clean(unknown), indent=2)
    screen.blank()


def _contents(screen: TerminalWriter, view: IncidentReport) -> None:
    contents = view.contents
    if contents is None:
        return
    summary = contents.summary
    counts = ", ".join(
        f"{number:,} {what}"
        for number, what in (
            (summary.executes, "run code"), (summary.misleads, "mislead"), (summary.weakens, "remove a protection"),
            (summary.unknown, "unknown"),
        ) if number
    )  # fmt: skip
    files = count(summary.changed_files, "changed file")
    where = f"in {summary.repositories:,} of {count(contents.examined, 'writable repository')}"
    screen.add((" CONTENTS ", "bold black on cyan"), f"  {files} {where}" + (f": {counts}" if counts else ""))
    for line in phrasing.contents(view)[:_MOST]:
        screen.add(clean(line), indent=2)
    screen.blank()


def _changes(screen: TerminalWriter, view: IncidentReport) -> None:
    since = f"since {phrasing.moment(view.since)} ({view.since_reason})"
    screen.add((" CHANGED ", "bold black on cyan"), f"  {count(len(view.changes), 'event')} {clean(since)}")
    for change in view.changes[:_MOST]:
        style = "bold" if change.credential else ""
        screen.add(
            (f"{phrasing.moment(change.at)}  ", "dim"),
            f"{clean(change.where)}  ",
            (clean(phrasing.happened(change)), style),
            indent=2,
        )
    screen.more(len(view.changes), _MOST)
    screen.blank()
