"""The report for a terminal: most severe first, with owner, place, reason and remedy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tokenaudit.model import Credential, Problem
from tokenaudit.report import presentation
from tokenaudit.report.remedies import NO_ACTION, RemedyLog, dead_lines, next_step, remedies_of
from tokenaudit.report.terminal import STYLES, TerminalWriter, clean
from tokenaudit.text import and_more, count, visible
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tokenaudit.model import AcceptedActive, Grant, Inspection, Policy, Report
    from tokenaudit.report import Options
    from tokenaudit.report.terminal import Span

MOST_SPOTS = 5
MOST_WHOLE = 30
"""Number of credentials, and of problems, with a paragraph; all others get one line."""

MOST_SKIPPED = 20
MOST_GRANTS = 6
MOST_PATCH_LINES = 60
_RECENTLY = timedelta(hours=1)
"""An inspection older than this at the start of a run is from an earlier run and shown with its time."""

_HANG = 2
_FINGERPRINT = 12
_COMMIT = 12


def render(report: Report, options: Options) -> str:
    """The whole screen; see `tokenaudit.report.Options`."""
    screen = TerminalWriter(options.color, options.width)
    several = presentation.several(report)
    listed, dead = presentation.split_dead(report, show_dead=options.show_dead)
    remedies = RemedyLog()
    left = {Credential: MOST_WHOLE, Problem: MOST_WHOLE}
    for finding in listed:
        if dead and finding.severity.rank < dead[0].severity.rank:  # worst first, these too
            screen.blank()
            _dead(screen, dead)
            dead = []
        left[type(finding)] -= 1
        if left[type(finding)] < 0:
            _line(screen, finding, several=several)
        elif isinstance(finding, Credential):
            _credential(screen, finding, report.started_at, remedies, several=several)
        else:
            _problem(screen, finding, remedies, several=several)
    screen.blank()
    _dead(screen, dead)
    if options.show_unlikely:
        _unlikely(screen, presentation.unlikely(report), several=several)
    _accepted_active(screen, report.accepted_active)
    screen.skipped(report.skipped, MOST_SKIPPED)
    _closing(screen, report, options)
    return screen.written()


def _dead(screen: TerminalWriter, credentials: list[Credential]) -> None:
    if not credentials:
        return
    worst = credentials[0].severity
    first, *others = dead_lines(credentials)
    screen.add((f" {worst.value.upper()} ", STYLES[worst]), "  ", (first, "bold"), ("  --show-dead lists them", "dim"))
    for number, line in enumerate(others):
        screen.row("do" if number == 0 else "", line)
    screen.blank()


def _credential(
    screen: TerminalWriter,
    credential: Credential,
    started_at: datetime,
    remedies: RemedyLog,
    *,
    several: bool,
) -> None:
    severity = credential.severity
    screen.add(
        (f" {severity.value.upper()} ", STYLES[severity]),
        "  ",
        (clean(credential.display), "bold"),
        f"  {kind(credential.kind)}  ",
        (clean(credential.fingerprint)[:_FINGERPRINT], "dim"),
    )
    _who(screen, credential, started_at)
    _where(screen, credential, several=several)
    reasons = sorted(credential.verdict.reasons, key=lambda r: -r.severity.rank) if credential.verdict else ()
    for number, reason in enumerate(reasons):
        screen.row("why" if number == 0 else "", clean(reason.message), "  ", (f"[{clean(reason.rule)}]", "dim"))
    rows = _what_to_do(credential)
    if not rows and credential.locations:
        hint = "" if credential.inspection else "; --inspect checks its permissions"
        screen.row("do", f"{NO_ACTION}{hint}.")
    _do(screen, rows, clean(credential.display), remedies)
    screen.blank()


def _who(screen: TerminalWriter, credential: Credential, started_at: datetime) -> None:
    inspection = credential.inspection
    if inspection is None:
        return
    style = {"active": "bold red", "unknown": "yellow"}.get(inspection.status, "green")
    is_old = inspection.checked_at < started_at - _RECENTLY
    asked = [(f", checked {minute(inspection.checked_at)} UTC", "dim")] if is_old else []
    screen.row("who", (inspection.status, style), *_identity(inspection), *asked)
    for number, grant in enumerate(inspection.grants[:MOST_GRANTS]):
        screen.row("can" if number == 0 else "", grant_text(grant))
    if left := and_more(len(inspection.grants), MOST_GRANTS):
        screen.row("", f"{left} grants")
    if inspection.global_permissions:
        screen.row("can", f"everywhere: {clean(', '.join(inspection.global_permissions))}")
    reach = credential.reach
    if reach is not None:
        pulled = f" ({reach.downloads_month:,} downloads/month)" if reach.downloads_month else ""
        screen.row("reach", f"writes {count(reach.writable, 'repo')}, reads {reach.readable:,}{pulled}")


def _identity(inspection: Inspection) -> list[Span]:
    parts: list[Span] = []
    if inspection.account:
        account = f"{inspection.account.name} ({inspection.account.type})"
        parts.append(f": {clean(account)}, role {clean(inspection.role)}")
    if inspection.name:
        parts.append(f', named "{clean(inspection.name)}"')
    if inspection.created_at:
        parts.append(f", created {day(inspection.created_at)}")
    if inspection.status == "unknown":
        parts.append(f": {clean(inspection.reason)}")
    return parts


def _where(screen: TerminalWriter, credential: Credential, *, several: bool) -> None:
    spots = presentation.spots(credential)
    for number, spot in enumerate(spots[:MOST_SPOTS]):
        place = f"{spot.target}: {spot.place}" if several else spot.place
        screen.row("where" if number == 0 else "", clean(place), *(("  " + note, "dim") for note in notes(spot)))
    if left := and_more(len(spots) + sum(spot.repeats for spot in spots[MOST_SPOTS:]), MOST_SPOTS):
        screen.row("", (left, "dim"))


def notes(spot: presentation.Spot) -> list[str]:
    """Details of a spot: origin, whether it is still present, encoding."""
    details = []
    if spot.commit:
        by = f" by {clean(spot.author)}" if spot.author else ""
        on = f" on {day(spot.date)}" if spot.date else ""
        details.append(f"introduced in {clean(spot.commit)[:_COMMIT]}{by}{on}")
    if spot.sources == ("staged",):
        details.append("staged, not committed yet")
    elif spot.live:
        details.append("still present")
    elif spot.live is False:
        unreachable = "unreachable from any branch" if spot.commit else "in no commit"
        details.append("not in HEAD, still in the history" if spot.reachable is not False else unreachable)
    if spot.via:
        details.append(f"inside {clean(' in '.join(reversed(spot.via)))}")
    if spot.repeats:
        details.append(f"and {spot.repeats:,} more in this file")
    return details


def _what_to_do(credential: Credential) -> list[Span]:
    rows: list[Span] = [visible(remedy) for remedy in remedies_of(credential)]
    recommendation = credential.recommendation
    if rows and recommendation is not None and recommendation.create_url and not credential.dead:
        rows.append((visible(recommendation.create_url), "underline"))
    return rows


def _do(screen: TerminalWriter, rows: list[Span], name: str, remedies: RemedyLog) -> None:
    """The rows of what to do, in full; those that an earlier finding has are replaced by a reference to that one."""
    for number, row in enumerate(remedies.new(rows, name)):
        screen.row("do" if number == 0 else "", row)


def grant_text(grant: Grant) -> str:
    """`org acme: repo.write, org.read`."""
    entity = grant.entity
    patterns = f" ({', '.join(grant.patterns)})" if grant.patterns else ""
    name = entity.name or entity.id or ""
    return clean(f"{entity.type} {name}: {', '.join(grant.permissions) or 'nothing'}{patterns}")


def kind(name: str) -> str:
    """A credential's kind in words."""
    return clean(name).replace("_", " ")


def _problem(screen: TerminalWriter, problem: Problem, remedies: RemedyLog, *, several: bool) -> None:
    screen.add(
        (f" {problem.severity.value.upper()} ", STYLES[problem.severity]),
        "  ",
        (clean(problem.message), "bold"),
        ("  [" + clean(problem.rule) + "]", "dim"),
        hang=_HANG,
    )
    inside = (("  " + clean(problem.where), "dim"),) if problem.where else ()
    place = _place(problem, several=several)
    screen.row("where", place, *inside)
    _do(screen, [visible(problem.remedy)], place, remedies)
    _patch(screen, problem.patch)
    screen.blank()


def _patch(screen: TerminalWriter, patch: str | None) -> None:
    lines = [
        visible(f" {line}")[1:] for line in (patch or "").splitlines()
    ]  # a row is indented: "--- " is no command there
    for number, line in enumerate(lines[:MOST_PATCH_LINES]):
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        screen.row("patch" if number == 0 else "", (line, style))
    if left := and_more(len(lines), MOST_PATCH_LINES):
        screen.row("", (f"{left} lines", "dim"))


def _place(problem: Problem, *, several: bool) -> str:
    numbers = [str(number) for number in (problem.line, problem.column) if number]
    place = ":".join([problem.path or problem.target, *numbers])
    return clean(f"{problem.target}: {place}" if several and problem.path else place)


def _line(screen: TerminalWriter, finding: Credential | Problem, *, several: bool) -> None:
    if isinstance(finding, Credential):
        text = _short(finding, several=several)
    else:
        text = f"{_place(finding, several=several)}  {clean(finding.rule)}"
    screen.add((f" {finding.severity.value.upper()} ", STYLES[finding.severity]), f"  {text}")


def _short(credential: Credential, *, several: bool) -> str:
    spots = presentation.spots(credential)
    places = [f"{spot.target}: {spot.place}" if several else spot.place for spot in spots[:1]]
    more = f" {left}" if (left := and_more(len(spots), 1)) else ""
    parts = [credential.display, kind(credential.kind), credential.fingerprint[:_FINGERPRINT], *places]
    return clean("  ".join(parts)) + more


def _unlikely(screen: TerminalWriter, credentials: list[Credential], *, several: bool) -> None:
    for credential in credentials:
        screen.add((f" {credential.likelihood} ", "dim"), "  ", clean(credential.display), f"  {kind(credential.kind)}")
        _where(screen, credential, several=several)
    screen.blank()


def _accepted_active(screen: TerminalWriter, accepted: Sequence[AcceptedActive]) -> None:
    """Credentials that are accepted but active, in full: nobody may take them for dead."""
    for one in accepted:
        screen.add(
            (f" {one.severity.value.upper()} ", STYLES[one.severity]),
            "  ",
            ("accepted, still active: ", "bold red"),
            (clean(one.display), "bold"),
            f"  {kind(one.kind)}  ",
            (clean(one.fingerprint)[:_FINGERPRINT], "dim"),
        )
        if one.account:
            screen.row("who", clean(f"{one.account.name} ({one.account.type})"))
        if place := presentation.accepted_place(one):
            screen.row("where", clean(place.removeprefix(" at ")))
        screen.row("by", clean(presentation.accepted_by(one)))
        screen.blank()


def _closing(screen: TerminalWriter, report: Report, options: Options) -> None:
    found = bool(presentation.likely(report) or report.problems)
    style = "bold" if found else "bold green" if report.complete else "bold yellow"
    screen.add((presentation.sentence(report), style))
    unlikely = report.summary.unlikely
    if unlikely and not options.show_unlikely:
        screen.add((f"Placeholders and look-alikes not listed: {unlikely:,} (--show-unlikely).", "dim"))
    if report.summary.known:
        screen.add((f"{count(report.summary.known, 'finding')} in the baseline, not listed.", "dim"))
    for line in presentation.followed_lines(report):
        screen.add((clean(line), "dim"))
    policy(screen, report.policy)
    advice = next_step(report)
    if advice:
        screen.add((f"Next: {advice}", "bold"))


def policy(screen: TerminalWriter, used: Policy) -> None:
    """Which policy file was used and what it removed or lowered."""
    for number, line in enumerate(presentation.policy_lines(used)):
        screen.add((clean(line), "yellow" if number else "dim"), indent=2 if number else 0)
