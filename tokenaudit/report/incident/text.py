"""The incident report for a terminal: summary, open items with commands, reach, changes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tokenaudit.report.incident import phrasing
from tokenaudit.report.terminal import TerminalWriter
from tokenaudit.report.text import STYLES, policy
from tokenaudit.text import ALL_IN_JSON, and_more, count, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenaudit.incident.model import ActionItem, IncidentReport
    from tokenaudit.report import Options
    from tokenaudit.report.terminal import Span

_LONGEST = 300
_COLUMN = 9
_MOST = 30


def render(view: IncidentReport, options: Options) -> str:
    """The whole screen."""
    screen = TerminalWriter(options.color, options.width)
    style = "bold red" if view.open else "bold green" if view.complete else "bold yellow"
    screen.add((phrasing.answer(view), style))
    incident = view.incident
    _row(screen, "incident", f"{_clean(incident.id)}: {_clean(incident.title)}")
    _row(screen, "", phrasing.dates(incident))
    _row(screen, "advice", _clean(incident.advice), *((f"  [{_clean(incident.source)}]",) if incident.source else ()))
    _row(screen, "sources", _clean(", ".join(view.sources)) or "nothing")
    screen.blank()
    for item in view.open[:_MOST]:
        _open(screen, item, view, options.width)
    _more(screen, view.open)
    _done(screen, view)
    _reach(screen, view)
    _contents(screen, view)
    _changes(screen, view)
    _skipped(screen, view)
    policy(screen, view.policy)
    return screen.written()


def _open(screen: TerminalWriter, item: ActionItem, view: IncidentReport, width: int | None) -> None:
    doubt = "  possibly affected" if item.touched == "perhaps" else ""
    screen.add(
        (f" {item.severity.value.upper()} ", STYLES[item.severity]),
        "  ",
        (_clean(item.title), "bold"),
        (f"  {_clean(item.subject)[:12]}" if item.about == "credential" else "", "dim"),
        (doubt, "yellow"),
    )
    _row(screen, "open", _clean(item.why))
    for label, detail in zip(("where", "reach"), phrasing.found(view, item), strict=True):
        if detail:
            _row(screen, label, _clean(detail))
    if item.do:
        _row(screen, "do", _clean(item.do))
    if item.command:
        for number, line in enumerate(_folded(item.command, width)):
            _row(screen, "" if number else "next", (line, "bold"))
    screen.blank()


def _folded(command: str, width: int | None) -> list[str]:
    """A command as lines that a shell takes for one: a line folded in the wrong place would do something else."""
    room = (width or 0) - _COLUMN - 2
    words_ = [visible(shlex.quote(word)) for word in shlex.split(command)]
    lines = [words_[0]]
    for word in words_[1:]:
        if width is not None and len(lines[-1]) + len(word) + 3 > room:
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
        screen.add(_clean(item.title), (f"  {_clean(item.why)}", "dim"), indent=2)
    _more(screen, view.done)
    screen.blank()


def _reach(screen: TerminalWriter, view: IncidentReport) -> None:
    if not view.credentials:
        return
    reached = view.reach
    screen.add((" REACH ", "bold black on white"), f"  the affected credentials {phrasing.reach(reached)}")
    for repo in reached.repositories[:10]:
        kind = "private" if repo.private else "gated" if repo.gated else ""
        screen.add(f"{repo.access}  {_clean(repo.type)} {_clean(repo.id)}", (f"  {kind}", "dim"), indent=2)
    _more(screen, reached.repositories, 10)
    if reached.admin_of:
        screen.add(f"administrator of {_clean(', '.join(reached.admin_of))}", indent=2)
    for unknown in reached.not_known[:10]:
        screen.add(("unknown: ", "yellow"), _clean(unknown), indent=2)
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
        screen.add(_clean(line), indent=2)
    screen.blank()


def _changes(screen: TerminalWriter, view: IncidentReport) -> None:
    since = f"since {phrasing.moment(view.since)} ({view.since_reason})"
    screen.add((" CHANGED ", "bold black on cyan"), f"  {count(len(view.changes), 'event')} {_clean(since)}")
    for change in view.changes[:_MOST]:
        style = "bold" if change.credential else ""
        screen.add(
            (f"{phrasing.moment(change.at)}  ", "dim"),
            f"{_clean(change.where)}  ",
            (_clean(phrasing.happened(change)), style),
            indent=2,
        )
    _more(screen, view.changes)
    screen.blank()


def _skipped(screen: TerminalWriter, view: IncidentReport) -> None:
    if not view.skipped:
        return
    screen.add((" SKIPPED ", "bold black on yellow"), f"  {count(len(view.skipped), 'place')}:")
    for entry in view.skipped[:_MOST]:
        screen.add(_clean(entry.where), (f"  {_clean(entry.reason)}", "yellow"), indent=2)
    _more(screen, view.skipped)


def _more(screen: TerminalWriter, entries: Sequence[object], most: int = _MOST) -> None:
    if left := and_more(len(entries), most, ALL_IN_JSON):
        screen.add((left, "dim"), indent=2)


def _row(screen: TerminalWriter, label: str, *spans: Span) -> None:
    screen.add(*spans, label=label, indent=2, column=max(_COLUMN, len(label) + 1))


def _clean(text: str) -> str:
    return shorten(visible(text), _LONGEST)
