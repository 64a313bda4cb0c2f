"""Markdown for a pull request comment or a job summary.

Text from scanned places is untrusted: it is in a code span or escaped, so that a comment can't mention people,
reference issues or contain links of an attacker.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from tokenaudit.model import Credential
from tokenaudit.report import presentation
from tokenaudit.report.remedies import RemedyLog, dead_lines, next_step, remedies_of, sentences
from tokenaudit.report.text import grant_text, kind, notes
from tokenaudit.text import and_more, count, shorten, visible

if TYPE_CHECKING:
    from tokenaudit.model import Problem, Report
    from tokenaudit.report import Options

MOST_SPOTS = 10
MOST_DEAD = 20
MOST_ACCEPTED = 50
MOST_BYTES = 60_000
"""GitHub rejects comments of more than 65,536 characters."""

_LONGEST = 300
_ZERO_WIDTH = "&#8203;"
_ADDRESS = re.compile(r"(?P<email>(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<url>\bhttps?://[\w./?=&#%+~:-]*[\w/])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_SIGNS = re.compile(
    r"(?P<entity>[&<>$])|(?P<escape>[\\`*\[\]~|]|(?<!\w)_|_(?!\w))"
    r"|(?P<joined>@|\#|www(?=\.)|:(?=//|[\w+-]+:))"  # a mention, a reference, a link or an emoji follows
)
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_ESCAPED = re.compile(r"&(?:amp|lt|gt|#36|#8203|quot|#x27);|\\([^A-Za-z0-9\s])")
_TICKS = re.compile(r"`+")


def render(report: Report, options: Options, *, most_bytes: int = MOST_BYTES) -> str:
    """The verdict and one collapsible section per credential; truncated with a count if too long."""
    unlikely = presentation.unlikely(report) if options.show_unlikely else []
    head = ["## Hugging Face credentials", "", f"**{text(presentation.sentence(report))}**", ""]
    if report.accepted_active:
        head += [f"### Accepted, still active: {count(len(report.accepted_active), 'credential')}", ""]
        lines = [presentation.accepted_active_line(one) for one in report.accepted_active]
        head += [f"- {text(line)}" for line in lines[:MOST_ACCEPTED]]
        head += [f"- {left}"] if (left := and_more(len(lines), MOST_ACCEPTED)) else []
        head.append("")
    if report.skipped:
        head += [f"### Skipped: {count(len(report.skipped), 'place')}", ""]
        head += [f"- {code(entry.where)}: {text(entry.reason)}" for entry in report.skipped[:20]]
        head += [f"- {left}"] if (left := and_more(len(report.skipped), 20)) else []
        head.append("")
    followed = presentation.followed_lines(report)
    head += [*(f"- {text(line)}" for line in followed), ""] if followed else []
    for number, line in enumerate(presentation.policy_lines(report.policy)):
        head += [f"- {text(line)}"] if number else [text(line), ""]
    head += [""] if report.policy.lowered else []
    summary = report.summary
    if summary.known:
        head += [f"{count(summary.known, 'finding')} in the baseline, not listed.", ""]
    if summary.unlikely and not unlikely:
        head += [f"Placeholders and look-alikes not listed: {summary.unlikely:,}.", ""]
    several = presentation.several(report)
    listed, dead = presentation.split_dead(report, show_dead=options.show_dead)
    remedies = RemedyLog()
    blocks = [
        _credential(f, remedies, several=several)
        if isinstance(f, Credential)
        else _problem(f, remedies, several=several)
        for f in [*listed, *unlikely]
    ]
    if dead:  # worst first, these too
        milder = (n for n, one in enumerate(listed) if one.severity.rank < dead[0].severity.rank)
        blocks.insert(next(milder, len(blocks)), _dead(dead, several=several))
    advice = next_step(report)
    tail = [f"Next: {text(advice)}", ""] if advice else []
    size = sum(len(line.encode()) + 1 for line in [*head, *tail]) + 200
    body: list[str] = []
    for number, block in enumerate(blocks):
        size += len(block.encode()) + 1
        if size > most_bytes:
            body += [f"**{count(len(blocks) - number, 'more finding')}**: see the full report.", ""]
            break
        body.append(block)
    page = "\n".join([*head, *body, *tail]).rstrip("\n") + "\n"
    return page if options.width is None else on_terminal(page)


def _credential(credential: Credential, remedies: RemedyLog, *, several: bool) -> str:
    severity = credential.severity.value
    if credential.likelihood != "credential":
        severity = credential.likelihood
    status = credential.inspection.status if credential.inspection else "not inspected"
    what = f"<code>{_in_html(credential.display)}</code> {_in_html(kind(credential.kind))}"
    lines = [
        f"<details><summary><b>{severity}</b>: {what}, {status}</summary>",
        "",
        f"- fingerprint {code(credential.fingerprint)}",
    ]
    inspection = credential.inspection
    if inspection and inspection.account:
        lines.append(f"- belongs to {code(inspection.account.name)}, role {code(inspection.role)}")
    lines += [f"- grant {code(grant_text(grant))}" for grant in (inspection.grants if inspection else ())[:10]]
    spots = presentation.spots(credential)
    for spot in spots[:MOST_SPOTS]:
        details = "".join(f", {text(note)}" for note in notes(spot))
        lines.append(f"- at {_spot(spot, several=several)}{details}")
    if left := and_more(len(spots) + sum(spot.repeats for spot in spots[MOST_SPOTS:]), MOST_SPOTS):
        lines.append(f"- {left} places")
    for reason in credential.verdict.reasons if credential.verdict else ():
        lines.append(f"- {code(reason.rule)}: {prose(sentences(reason.message))}")
    if credential.likelihood == "credential":
        lines += [f"- {prose(row)}" for row in remedies.new(remedies_of(credential), _named(credential.display))]
    return "\n".join([*lines, "", "</details>", ""])


def _spot(spot: presentation.Spot, *, several: bool) -> str:
    return code(f"{spot.target}: {spot.place}" if several else spot.place)


def _dead(credentials: list[Credential], *, several: bool) -> str:
    """Credentials that are no longer valid, one line each."""
    first, *others = dead_lines(credentials)
    lines = [f"<details><summary><b>{credentials[0].severity.value}</b>: {_in_html(first)}</summary>", ""]
    lines += [*others, ""] if others else []
    for credential in credentials[:MOST_DEAD]:
        spots = presentation.spots(credential)
        place = f" at {_spot(spots[0], several=several)}" if spots else ""
        left = f" {more}" if (more := and_more(len(spots), 1)) else ""
        lines.append(f"- {code(credential.display)} {text(kind(credential.kind))}{place}{left}")
    lines += [f"- {left}"] if (left := and_more(len(credentials), MOST_DEAD)) else []
    return "\n".join([*lines, "", "</details>", ""])


def _problem(problem: Problem, remedies: RemedyLog, *, several: bool) -> str:
    numbers = [str(number) for number in (problem.line, problem.column) if number is not None]
    path = problem.path if problem.path is not None else problem.target
    place = ":".join([f"{problem.target}: {path}" if several and problem.path else path, *numbers])
    rows = remedies.new([problem.remedy], _named(place))
    line = (
        f"- **{problem.severity.value}** {code(problem.rule)} at {code(place)}:"
        f" {prose(sentences(problem.message, *rows))}\n"
    )
    return line + _patch(problem.patch)


def _named(name: str) -> str:
    """`name` for `prose`: as code, unless it contains backticks."""
    return name if "`" in name else f"`{shorten(name, _LONGEST)}`"


def _patch(patch: str | None) -> str:
    if not patch:
        return ""
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(patch)), default=0))
    lines = ["", f"{fence}diff", *(visible(f" {line}")[1:] for line in patch.splitlines()), fence]
    return "".join(f"  {line}".rstrip() + "\n" for line in lines)


def _in_html(value: str) -> str:
    """`value` inside an HTML block, which Markdown does not parse."""
    return html.escape(shorten(visible(value), _LONGEST)).replace("@", f"@{_ZERO_WIDTH}")


def code(value: str, most: int | None = _LONGEST) -> str:
    """`value` as a code span that its content can't end, shortened to `most` characters."""
    shown = visible(value) if most is None else shorten(visible(value), most)
    if not shown.strip():
        return "` `"
    fence = "`" * (max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(value: str) -> str:
    """Text with code in pairs of backticks, as in the rules; everything else is escaped. Nothing is shortened."""
    parts = visible(value).split("`")
    if len(parts) % 2 == 0:
        return escape(visible(value))
    return "".join(code(part, None) if at % 2 else escape(part) for at, part in enumerate(parts) if part)


def text(value: str) -> str:
    """`value` as plain text: no markup, mentions, references or links; URLs become code spans."""
    return escape(shorten(visible(value), 2 * _LONGEST))


def escape(value: str) -> str:
    """`value` with escaped characters that Markdown or the site interprets, except in e-mail addresses and URLs."""
    parts, at = [], 0
    for found in _ADDRESS.finditer(value):
        parts += [_SIGNS.sub(_escape, value[at : found.start()]), found["email"] or f"`{found['url']}`"]
        at = found.end()
    return "".join([*parts, _SIGNS.sub(_escape, value[at:])])


def _escape(found: re.Match[str]) -> str:
    sign = found.group()
    if found["entity"]:
        return _ENTITIES[sign]
    # A zero-width character after these prevents links to people, issues and addresses.
    return f"\\{sign}" if found["escape"] else f"{sign}{_ZERO_WIDTH}"


def on_terminal(markdown: str) -> str:
    """`markdown` for a person at a terminal: without the escapes outside code."""
    parts, at = [], 0
    for found in _CODE.finditer(markdown):
        parts += [_ESCAPED.sub(_unescape, markdown[at : found.start()]), found.group()]
        at = found.end()
    return "".join([*parts, _ESCAPED.sub(_unescape, markdown[at:])])


def _unescape(found: re.Match[str]) -> str:
    return found[1] or html.unescape(found.group()).replace("\u200b", "")
