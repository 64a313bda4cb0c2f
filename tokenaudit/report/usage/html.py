"""The usage report as one HTML file without scripts and external requests.

All text is made visible and escaped. The Content-Security-Policy allows only this page's own style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from tokenaudit.report.usage import phrasing
from tokenaudit.report.web_page import policy
from tokenaudit.text import ALL_IN_JSON, and_more, count, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tokenaudit.audit_log.model import TokenUse, UsageReport
    from tokenaudit.report import Options

_LONGEST = 500
_MOST = 500
_MOST_LINES = 100
_PERIODS = 60
_HEIGHT = 40
_BAR = 10
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 0.5rem; font-size: 1.15rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; border-bottom: 1px solid #8888; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: 0.2rem 1rem; margin: 0.5rem 0; }
dt { opacity: 0.7; } dd { margin: 0; overflow-wrap: anywhere; }
.severity { padding: 0 0.4rem; border-radius: 0.2rem; background: #5555; text-transform: uppercase; font-size: 0.8rem; }
.critical, .high { background: #b91c1c; color: #fff; } .low { background: #0e7490; color: #fff; }
.new { color: #dc2626; font-weight: 600; }
svg { width: 100%; height: 3rem; } .bar { fill: #64748b; } .late { fill: #dc2626; } .exposed { stroke: #dc2626; }
"""


def render(usage: UsageReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """The whole page."""
    page = [
        Markup('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'),
        Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(policy(_STYLE)),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup("<title>Use of tokens: {}</title>").format(_text(usage.organization)),
        Markup("<style>{}</style>\n</head>\n<body>").format(Markup(_STYLE)),  # noqa: S704 - a constant of this module
        Markup("<h1>Use of tokens of {}</h1>").format(_text(usage.organization)),
        Markup("<p><strong>{}</strong></p>").format(phrasing.answer(usage)),
        _terms(_about(usage)),
        *(part for use in usage.tokens[:_MOST] for part in _token(use, usage)),
        _more(usage.tokens, _MOST),
        *_skipped(usage),
        Markup("</body>\n</html>"),
    ]
    return "\n".join(part for part in page if part) + "\n"


def _about(usage: UsageReport) -> Iterator[tuple[str, str]]:
    for log in usage.logs[:_MOST_LINES]:
        yield "Log", f"{log.name}, {count(log.events, 'event')}"
    yield "Exposures", ", ".join(usage.sources) or "unknown"
    for name in usage.not_in_log:
        yield "Not used", name


def _token(use: TokenUse, usage: UsageReport) -> Iterator[Markup]:
    severity = use.severity.value
    heading = Markup('<h2><span class="severity {0}">{0}</span> {1}</h2>')
    yield heading.format(severity, _text(phrasing.title(use)))
    yield _timeline(use, usage)
    yield _terms(_facts(use))
    if use.addresses:
        rows = (
            (
                each.ip or "unknown", each.location or "", f"{each.events:,}", phrasing.moment(each.first_seen),
                phrasing.moment(each.last_seen), Markup('<span class="new">new</span>') if each.new else "",
            )
            for each in use.addresses[:_MOST_LINES]
        )  # fmt: skip
        yield _table(("address", "location", "events", "first seen", "last seen", ""), rows)
        yield _more(use.addresses, _MOST_LINES)
    if use.after_exposure:
        events = (
            (phrasing.moment(each.at), each.type, each.message, each.ip or "")
            for each in use.after_exposure[:_MOST_LINES]
        )
        yield _table(("after the exposure", "type", "message", "address"), events)
        yield _more(range(use.after_exposure_events), _MOST_LINES)


def _facts(use: TokenUse) -> Iterator[tuple[str, str]]:
    for name in use.flags:
        yield name, phrasing.flag(name, use)
    if use.known_as:
        yield "Known as", phrasing.describe(use.known_as)
    if found := phrasing.credential(use):
        yield "Found as", found
    if use.role:
        yield "Role", use.role
    yield "Used", f"{count(use.total, 'event')}, {phrasing.span(use.first_seen, use.last_seen)}"
    yield "Events", ", ".join(f"{name} {number:,}" for name, number in list(use.events.items())[:_MOST_LINES])
    for agent in use.user_agents[:3]:
        yield "Program", f"{agent.user_agent}, {count(agent.events, 'event')}"


def _timeline(use: TokenUse, usage: UsageReport) -> Markup:
    counts, exposed = phrasing.timeline(use, usage, _PERIODS)
    most = max(counts) or 1
    bars = []
    for at, number in enumerate(counts):
        if number:
            height = max(2, number * _HEIGHT // most)
            late = exposed is not None and at >= exposed
            bars.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                    "late" if late else "bar", at * _BAR, _HEIGHT - height, _BAR - 1, height
                )
            )
    if exposed is not None:
        x = max(exposed, 0) * _BAR
        bars.append(Markup('<line class="exposed" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x, _HEIGHT))
    box = Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>')
    label = f"events by time, {phrasing.span(use.first_seen, use.last_seen)}"
    return box.format(_PERIODS * _BAR, _HEIGHT, label, Markup("").join(bars))


def _skipped(usage: UsageReport) -> Iterator[Markup]:
    if usage.skipped:
        yield Markup("<h2>Skipped</h2>")
        yield _table(("where", "reason"), ((entry.where, entry.reason) for entry in usage.skipped[:_MOST]))
        yield _more(usage.skipped, _MOST)


def _terms(terms: Iterable[tuple[str, str]]) -> Markup:
    pairs = (Markup("<dt>{}</dt><dd>{}</dd>").format(name, _text(value)) for name, value in terms)
    return Markup("<dl>{}</dl>").format(Markup("").join(pairs))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    lines = [Markup("<tr>{}</tr>").format(Markup("").join(Markup("<th>{}</th>").format(name) for name in head))]
    for row in rows:
        cells = Markup("").join(Markup("<td>{}</td>").format(_text(value)) for value in row)
        lines.append(Markup("<tr>{}</tr>").format(cells))
    return Markup("<table>{}</table>").format(Markup("").join(lines))


def _more(entries: Sequence[object], most: int) -> Markup:
    left = and_more(len(entries), most, ALL_IN_JSON)
    return Markup("<p>{}.</p>").format(left.capitalize()) if left else Markup("")


def _text(value: str) -> Markup:
    return value if isinstance(value, Markup) else escape(shorten(visible(value), _LONGEST))
