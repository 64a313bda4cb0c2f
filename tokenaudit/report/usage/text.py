"""The usage report for a terminal: summary, flagged tokens with a timeline, other tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.model import Severity
from tokenaudit.report.terminal import STYLES, TerminalWriter, clean
from tokenaudit.report.usage import phrasing
from tokenaudit.text import ALL_IN_JSON, and_more, count, listed

if TYPE_CHECKING:
    from tokenaudit.audit_log.model import AddressUse, TokenUse, UsageReport
    from tokenaudit.report import Options
    from tokenaudit.report.terminal import Span

_MOST = 30
_MOST_LINES = 8
_PERIODS = 40
_BARS = "▁▂▃▄▅▆▇█"


def render(usage: UsageReport, options: Options) -> str:
    """The whole screen."""
    screen = TerminalWriter(options.color, options.width, column=10)
    style = "bold red" if usage.flagged else "bold green" if usage.complete else "bold yellow"
    screen.add((phrasing.answer(usage), style))
    screen.row("log", clean("; ".join(_logs(usage))) or "nothing was read")
    screen.row("exposures", clean(", ".join(usage.sources)) or _NO_SOURCES)
    for name in usage.not_in_log:
        screen.row("not used", clean(f"{name}: no event in the log"))
    screen.blank()
    for use in usage.flagged[:_MOST]:
        _token(screen, use, usage)
    screen.more(len(usage.flagged), _MOST)
    screen.blank()
    quiet = [use for use in usage.tokens if not use.flags]
    if quiet:
        screen.add((" NOT FLAGGED ", STYLES[Severity.INFO]), f"  {count(len(quiet), 'token')}:")
        for use in quiet[:_MOST]:
            what = ", ".join(filter(None, (phrasing.describe(use.known_as), phrasing.credential(use))))
            when = f"{count(use.total, 'event')}, {phrasing.span(use.first_seen, use.last_seen)}"
            screen.add(clean(phrasing.title(use)), (f"  {when}  {clean(what)}".rstrip(), "dim"), indent=2)
        screen.more(len(quiet), _MOST)
        screen.blank()
    screen.skipped(usage.skipped, _MOST)
    return screen.written()


_NO_SOURCES = "unknown: no inventory; run `tokenaudit sweep`, or pass --report REPORT.json"


def _logs(usage: UsageReport) -> list[str]:
    names = []
    for log in usage.logs[:_MOST_LINES]:
        again = f", {log.duplicates:,} of them also in another log" if log.duplicates else ""
        names.append(f"{log.name}: {count(log.events, 'event')}{again}")
    more = and_more(len(usage.logs), _MOST_LINES)
    return [*names, more] if more else names


def _token(screen: TerminalWriter, use: TokenUse, usage: UsageReport) -> None:
    screen.add(
        (f" {use.severity.value.upper()} ", STYLES[use.severity]), "  ", (clean(phrasing.title(use)), "bold"),
        (f"  {clean(use.role)}" if use.role else "", "dim"),
    )  # fmt: skip
    for number, name in enumerate(use.flags):
        screen.row("" if number else "flags", f"{name}: {phrasing.flag(name, use)}")
    if use.known_as:
        screen.row("known as", clean(phrasing.describe(use.known_as)))
    if found := phrasing.credential(use):
        screen.row("found as", clean(found))
    if len(use.owners) > 1:
        screen.row("used by", clean(_counts(use.owners.items())))
    screen.row("used", f"{count(use.total, 'event')}, {phrasing.span(use.first_seen, use.last_seen)}")
    screen.row("timeline", *_timeline(use, usage))
    for number, address in enumerate(use.addresses[:_MOST_LINES]):
        screen.row("" if number else "from", *_address(address))
    if left := and_more(len(use.addresses), _MOST_LINES, ALL_IN_JSON):
        screen.row("", (left, "dim"))
    if use.user_agents:
        agents = [f"{each.user_agent} ({each.events:,})" for each in use.user_agents]
        screen.row("with", clean(listed(agents, 3, "; ")))
    screen.row("events", clean(_counts(use.events.items())))
    for number, event in enumerate(use.after_exposure[:_MOST_LINES]):
        screen.row("" if number else "after", (f"{phrasing.moment(event.at)}  ", "dim"),
            clean(f"{event.type}: {event.message}"), (f"  {clean(event.ip or '')}".rstrip(), "dim"),
        )  # fmt: skip
    if left := and_more(use.after_exposure_events, _MOST_LINES, ALL_IN_JSON):
        screen.row("", (left, "dim"))
    screen.blank()


def _timeline(use: TokenUse, usage: UsageReport) -> list[Span]:
    """A bar for the events of each period, red after the exposure, which `|` marks."""
    counts, exposed = phrasing.timeline(use, usage, _PERIODS)
    most = max(counts) or 1
    bars = "".join(_BARS[(number * len(_BARS) - 1) // most] if number else "·" for number in counts)
    if exposed is None:
        return [bars]
    before = bars[: max(exposed, 0)]
    return [before, ("|", "bold red"), (bars[len(before) :], "red")]


def _address(address: AddressUse) -> list[Span]:
    place = f" ({clean(address.location)})" if address.location else ""
    when = phrasing.span(address.first_seen, address.last_seen)
    new: list[Span] = [("new ", "bold red")] if address.new else []
    where = clean(address.ip or "unknown address")
    return [*new, f"{where}{place}", (f"  {count(address.events, 'event')}, {when}", "dim")]


def _counts(items: object) -> str:
    pairs = [f"{name} {number:,}" for name, number in items]  # type: ignore[attr-defined]  # pairs of name and count
    return listed(pairs, _MOST_LINES)
