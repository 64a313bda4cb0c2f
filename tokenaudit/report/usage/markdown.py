"""The usage report as Markdown for an issue tracker. Names and messages are untrusted text and are escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.markdown import code, on_terminal, text
from tokenaudit.report.usage import phrasing
from tokenaudit.text import ALL_IN_JSON, and_more, count, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenaudit.audit_log.model import TokenUse, UsageReport
    from tokenaudit.report import Options

_MOST = 200
_MOST_LINES = 50


def render(usage: UsageReport, options: Options) -> str:
    """The whole document."""
    lines = [
        f"# Use of tokens of {code(usage.organization)}",
        "",
        f"**{text(phrasing.answer(usage))}**",
        "",
        *(f"- Log: {code(log.name)}, {count(log.events, 'event')}" for log in usage.logs[:_MOST_LINES]),
        f"- Exposures: {text(', '.join(usage.sources) or 'unknown')}",
        *(f"- Not used: {code(name)}" for name in usage.not_in_log),
        "",
    ]
    for use in usage.tokens[:_MOST]:
        lines += _token(use)
    lines += _more(usage.tokens, _MOST)
    if usage.skipped:
        lines += [f"## Skipped: {count(len(usage.skipped), 'place')}", ""]
        lines += [f"- {code(entry.where)}: {text(entry.reason)}" for entry in usage.skipped[:_MOST]]
        lines += _more(usage.skipped, _MOST)
    page = "\n".join(lines).rstrip("\n") + "\n"
    return page if options.width is None else on_terminal(page)


def _token(use: TokenUse) -> Iterator[str]:
    yield f"## {use.severity.value.capitalize()}: {code(phrasing.title(use))}"
    yield ""
    for name in use.flags:
        yield f"- [ ] `{name}`: {text(phrasing.flag(name, use))}"
    if use.known_as:
        yield f"- Known as: {text(phrasing.describe(use.known_as))}"
    if found := phrasing.credential(use):
        yield f"- Found as: {text(found)}"
    yield f"- Used: {count(use.total, 'event')}, {phrasing.span(use.first_seen, use.last_seen)}"
    yield "- Events: " + ", ".join(
        f"{code(name)} {number:,}" for name, number in list(use.events.items())[:_MOST_LINES]
    )
    for agent in use.user_agents[:3]:
        yield f"- Program: {code(agent.user_agent)}, {count(agent.events, 'event')}"
    yield ""
    if use.addresses:
        yield from (
            "| address | location | events | first seen | last seen | new |",
            "| --- | --- | ---: | --- | --- | --- |",
        )
        for each in use.addresses[:_MOST_LINES]:
            cells = (
                code(each.ip or "unknown"), text(each.location or ""), f"{each.events:,}",
                phrasing.moment(each.first_seen), phrasing.moment(each.last_seen), "**new**" if each.new else "",
            )  # fmt: skip
            yield "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |"
        yield from ("", *_more(use.addresses, _MOST_LINES))
    if use.after_exposure:
        yield from (f"After the exposure: {count(use.after_exposure_events, 'event')}.", "")
        for event in use.after_exposure[:_MOST_LINES]:
            ip = f" from {code(event.ip)}" if event.ip else ""
            yield f"- {phrasing.moment(event.at)} {code(event.type)}{ip}: {text(visible(event.message))}"
        yield from ("", *_more(range(use.after_exposure_events), _MOST_LINES))


def _more(entries: Sequence[object], most: int) -> list[str]:
    left = and_more(len(entries), most, ALL_IN_JSON)
    return [f"{left.capitalize()}.", ""] if left else []
