"""The view model of the page, computed from the report; the templates only lay it out."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from tokenaudit.model import Credential, Severity
from tokenaudit.report import presentation
from tokenaudit.report.html.credential_view import CredentialView, Pages, PlaceView, credential_view, diff
from tokenaudit.report.html.plots import (
    LAYOUTS,
    ExposurePlot,
    ReachPlot,
    anchor,
    created_at,
    duration,
    exposed_since,
    exposure_plot,
    reach_plot,
    short,
)
from tokenaudit.report.remedies import next_step
from tokenaudit.report.text import kind
from tokenaudit.text import count, listed, size
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tokenaudit.model import AcceptedActive, Problem, Report, Skipped
    from tokenaudit.report import Options

MOST_ROWS = 2000
MOST_OPEN = 100
"""Critical findings that are open when the page loads."""

MOST_PROBLEMS = 500
"""Problems of one row; beyond these the page counts instead of listing."""

MOST_NAMED = 3
"""Targets that the title names; more are counted."""

NOT_INSPECTED = "not inspected"
STATUSES = ("active", "unknown", NOT_INSPECTED, "expired", "invalid")
ORDER = tuple(reversed(Severity))


@dataclass(frozen=True)
class ProblemView:
    """A problem: its place, the part of the file, and its texts where they differ from those of its group."""

    place: PlaceView
    where: str
    message: str
    remedy: str
    patch: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ProblemGroup:
    """Problems of one rule and one severity. `message` and `remedy` are empty unless all of them share the text."""

    rule: str
    why: str
    message: str
    remedy: str
    problems: tuple[ProblemView, ...]
    more: int


@dataclass(frozen=True)
class Row:
    """One line of the list of findings; `count` is the number of findings that it stands for.

    `places` is the number of places, `pulls` the downloads in 30 days, `last` the date of the newest place: the list
    can be sorted by them.
    """

    anchor: str
    severity: str
    name: str
    detail: str
    status: str
    owner: str
    owner_note: str
    place: PlaceView
    more_places: str
    reach: str
    reach_note: str
    age: str
    age_note: str
    count: int
    places: int
    pulls: int
    last: str
    is_open: bool
    is_new: bool
    credential: CredentialView | None = None
    group: ProblemGroup | None = None


@dataclass(frozen=True)
class AcceptedRow:
    """A credential that is accepted although it is active: `by` is what accepts it."""

    severity: str
    name: str
    fingerprint: str
    detail: str
    owner: str
    place: PlaceView
    more_places: str
    by: str


@dataclass(frozen=True)
class CounterPart:
    """A part of a counter; `start` and `width` are those of its bar, in percent."""

    name: str
    number: int
    start: float
    width: float


@dataclass(frozen=True)
class CounterView:
    """A number with its parts, which add up to it."""

    title: str
    number: int
    link: str
    parts: tuple[CounterPart, ...]
    note: str = ""


@dataclass(frozen=True)
class Page:
    """Everything on the page. `facts` are the facts of the run: name, value, and the address of its page.

    The block of `dead` credentials is in front of the row `dead_at`, the first that is less severe.
    """

    report: Report
    title: str
    subject: str
    facts: tuple[tuple[str, str, str | None], ...]
    verdict: str
    status: str
    next_step: str
    counters: tuple[CounterView, ...]
    rows: tuple[Row, ...]
    more_rows: int
    findings: int
    dead: tuple[Row, ...]
    dead_at: int
    dead_words: str
    unlikely: tuple[Row, ...]
    exposures: tuple[ExposurePlot, ...]
    reaches: tuple[ReachPlot, ...]
    skipped: tuple[Skipped, ...]
    targets: tuple[tuple[str, str | None, str], ...]
    policy: tuple[str, ...]
    followed: tuple[str, ...]
    accepted_active: tuple[AcceptedRow, ...]
    by_severity: Mapping[str, int]
    severities: tuple[str, ...] = tuple(severity.value for severity in ORDER)
    statuses: tuple[str, ...] = STATUSES


_Finding: TypeAlias = "Credential | list[Problem]"


def page(report: Report, options: Options) -> Page:
    """The page of `report`."""
    likely = presentation.likely(report)
    usable = [each for each in likely if not each.dead]
    pages = Pages(report)
    builder = _Rows(report, options, pages)
    listed_ones, folded = presentation.split_dead(report, show_dead=options.show_dead)
    rows = builder.of(_grouped(listed_ones))
    dead = builder.of(folded)
    ranks = [ORDER.index(Severity(row.severity)) for row in rows[:MOST_ROWS]]
    worst_dead = ORDER.index(folded[0].severity) if folded else len(ORDER)
    unlikely = presentation.unlikely(report) if options.show_unlikely else []
    found = bool(likely or report.problems)
    subject = _subject(report, pages)
    verdict = presentation.sentence(report)
    return Page(
        report=report,
        title=f"{subject}: {verdict} {day(report.finished_at)}",
        subject=subject,
        facts=tuple(_facts(report, pages)),
        verdict=verdict,
        status="bad" if found else "good" if report.complete else "open",
        next_step=next_step(report),
        counters=tuple(_counters(report, likely, usable)),
        rows=rows[:MOST_ROWS],
        more_rows=sum(row.count for row in rows[MOST_ROWS:]) + sum(row.count for row in dead[MOST_ROWS:]),
        findings=len(likely) + len(report.problems),
        dead=dead[:MOST_ROWS],
        dead_at=bisect_right(ranks, worst_dead),
        dead_words=_counted(Counter(_status(each) for each in folded)),
        unlikely=builder.of(unlikely),
        exposures=tuple(plot for each in LAYOUTS if (plot := exposure_plot(usable, report.finished_at, each))),
        reaches=tuple(reach for each in LAYOUTS if (reach := reach_plot(usable, each))),
        skipped=tuple(sorted(report.skipped, key=lambda entry: (entry.where, entry.reason))),
        targets=tuple(_targets(report, pages)),
        policy=tuple(presentation.policy_lines(report.policy)),
        followed=tuple(presentation.followed_lines(report)),
        by_severity={severity.value: presentation.severities(report)[severity] for severity in ORDER},
        accepted_active=tuple(_accepted_row(one, pages) for one in report.accepted_active),
    )


def _accepted_row(accepted: AcceptedActive, pages: Pages) -> AcceptedRow:
    first = min(accepted.locations, key=lambda at: at.order, default=None)
    places = len({(at.target, at.path, at.line) for at in accepted.locations})
    where = presentation.accepted_place(replace(accepted, locations=(first,) if first else ()))
    return AcceptedRow(
        severity=accepted.severity.value,
        name=accepted.display,
        fingerprint=accepted.fingerprint,
        detail=kind(accepted.kind),
        owner=accepted.account.name if accepted.account else "",
        place=PlaceView(
            where.removeprefix(" at "), pages.file(first.target, first.path, first.line) if first else None
        ),
        more_places=f"+{places - 1:,} more" if places > 1 else "",
        by=presentation.accepted_by(accepted),
    )


def _status(credential: Credential) -> str:
    return credential.inspection.status if credential.inspection else NOT_INSPECTED


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{numbers[name]:,} {name}" for name in STATUSES if numbers.get(name))


def _grouped(findings: Iterable[Credential | Problem]) -> list[_Finding]:
    """`findings` in the same order; problems of one rule and one severity that follow each other become one entry."""
    grouped: list[_Finding] = []
    for finding in findings:
        last = grouped[-1] if grouped else None
        if isinstance(finding, Credential):
            grouped.append(finding)
        elif isinstance(last, list) and (last[0].rule, last[0].severity) == (finding.rule, finding.severity):
            last.append(finding)
        else:
            grouped.append([finding])
    return grouped


class _Rows:
    def __init__(self, report: Report, options: Options, pages: Pages) -> None:
        self._now = report.finished_at
        self._options = options
        self._pages = pages
        self._several = presentation.several(report)
        self._open = 0
        self._among = len(report.credentials)

    def of(self, findings: Iterable[_Finding]) -> tuple[Row, ...]:
        rows = (
            self._credential(each) if isinstance(each, Credential) else self._problems(each, number)
            for number, each in enumerate(findings)
        )
        return tuple(rows)

    def _is_open(self, severity: Severity, *, usable: bool = True) -> bool:
        if severity is not Severity.CRITICAL or not usable or self._open >= MOST_OPEN:
            return False
        self._open += 1
        return True

    def _credential(self, credential: Credential) -> Row:
        spots = presentation.spots(credential)
        inspection, reach = credential.inspection, credential.reach
        account = inspection.account if inspection else None
        created, exposed = created_at(credential), exposed_since(credential)
        dates = [spot.date for spot in spots if spot.date]
        places = len(spots) + sum(spot.repeats for spot in spots)
        age_note = f"exposed {duration(exposed, self._now)}" if exposed else ""
        usable = credential.likelihood == "credential" and not credential.dead
        return Row(
            anchor=anchor(credential),
            severity=credential.severity.value,
            name=credential.display,
            detail=kind(credential.kind),
            status=_status(credential) if credential.likelihood == "credential" else credential.likelihood,
            owner=account.name if account else "",
            owner_note=account.type if account else "",
            place=self._pages.place(spots[0]) if spots else PlaceView(""),
            more_places=f"+{places - 1:,} more" if places > 1 else "",
            reach=f"writes {reach.writable:,}, reads {reach.readable:,}" if reach else "",
            reach_note=f"{short(reach.downloads_month)} downloads a month" if reach and reach.downloads_month else "",
            age=duration(created, self._now) if created else age_note,
            age_note=age_note if created else "",
            count=1,
            places=places,
            pulls=reach.downloads_month if reach else 0,
            last=day(max(dates)) if dates else "",
            is_open=self._is_open(credential.severity, usable=usable),
            is_new=credential.new is True,
            credential=credential_view(credential, self._options, self._pages, self._among),
        )

    def _problems(self, problems: list[Problem], number: int) -> Row:
        first = problems[0]
        rules = self._options.rules
        title = rules[first.rule].title if first.rule in rules else first.rule.replace("-", " ")
        names = list(dict.fromkeys(problem.credential_name for problem in problems if problem.credential_name))
        messages, remedies = {problem.message for problem in problems}, {problem.remedy for problem in problems}
        views = tuple(
            ProblemView(
                place=self._place(problem),
                where=problem.where or "",
                message=problem.message if len(messages) > 1 else "",
                remedy=problem.remedy if len(remedies) > 1 else "",
                patch=diff(problem.patch),
            )
            for problem in problems[:MOST_PROBLEMS]
        )
        group = ProblemGroup(
            rule=first.rule,
            why=rules[first.rule].why if first.rule in rules else "",
            message=first.message if len(messages) == 1 else "",
            remedy=first.remedy if len(remedies) == 1 else "",
            problems=views,
            more=len(problems) - len(views),
        )
        return Row(
            anchor=f"p-{number}",
            severity=first.severity.value,
            name=listed(names, 2),
            detail=title,
            status="problem",
            owner="",
            owner_note="",
            place=views[0].place,
            more_places=f"+{len(problems) - 1:,} more" if len(problems) > 1 else "",
            reach="",
            reach_note="",
            age="",
            age_note="",
            count=len(problems),
            places=len(problems),
            pulls=0,
            last="",
            is_open=self._is_open(first.severity),
            is_new=any(problem.new is True for problem in problems),
            group=group,
        )

    def _place(self, problem: Problem) -> PlaceView:
        numbers = "" if problem.line is None else f":{problem.line}"
        text = f"{problem.path if problem.path is not None else problem.target}{numbers}"
        if self._several and problem.path is not None:
            text = f"{problem.target}: {text}"
        return PlaceView(text, self._pages.file(problem.target, problem.path, problem.line))


def _subject(report: Report, pages: Pages) -> str:
    """What was audited, in a few words."""
    names: dict[str, None] = {}
    owners: set[str] = set()
    for target in report.targets:
        hub_page = pages.on_hub(target.target)
        web_page = None if hub_page else pages.repository(target.target)
        local = target.name if not target.target.strip("./") else ""
        names[web_page.removeprefix("https://") if web_page else local or target.target] = None
        owners.add(hub_page.split("/")[-2] if hub_page else target.target)
    if len(names) > MOST_NAMED and len(owners) == 1:
        return f"{owners.pop()} ({len(names):,} targets)"
    if names:
        return listed(list(names), MOST_NAMED)
    return count(len(report.credentials), "credential") if report.credentials else "nothing"


def _facts(report: Report, pages: Pages) -> Iterable[tuple[str, str, str | None]]:
    """The facts of the run. The Hub and the command are named even where there is none."""
    heads = {target.head: target.target for target in report.targets if target.head}
    for head, target in list(heads.items())[:1]:
        more = f" and {len(heads) - 1} more" if len(heads) > 1 else ""
        yield "Commit", f"{head[:12]}{more}", pages.commit(target, head)
    yield "Hub", report.endpoint or "not asked (offline)", None
    seconds = (report.finished_at - report.started_at).total_seconds()
    yield "Time", f"{minute(report.finished_at)} UTC ({seconds:,.1f} s)", None
    read = count(sum(target.objects for target in report.targets), "object")
    yield "Read", f"{read}, {size(sum(target.bytes for target in report.targets))}", None
    yield "Command", report.command or "not recorded", None


def _targets(report: Report, pages: Pages) -> Iterable[tuple[str, str | None, str]]:
    for target in report.targets:
        notes = [target.kind, count(target.objects, "object"), size(target.bytes)]
        if target.head:
            notes.append(f"commit {target.head[:12]}")
        yield target.target, pages.repository(target.target), ", ".join(notes)


def _counters(report: Report, likely: Sequence[Credential], usable: Sequence[Credential]) -> Iterable[CounterView]:
    total = len(likely) + len(report.problems)
    kinds = f"{count(len(likely), 'credential')} and {count(len(report.problems), 'problem')} in configuration"
    severities = presentation.severities(report)
    numbers = {severity.value: severities[severity] for severity in ORDER}
    yield _counter("findings", total, "#findings", numbers, kinds if total else "")
    statuses = Counter(map(_status, likely))
    yield _counter("credentials", len(likely), "#findings", {name: statuses[name] for name in STATUSES})
    rights = Counter(each.verdict.privilege if each.verdict else "unknown" for each in usable)
    named = {"over-privileged": rights["over"], "minimal": rights["minimal"], "rights unknown": rights["unknown"]}
    yield _counter("usable credentials", len(usable), "#findings", named)
    if usable:
        present = Counter(_presence(each) for each in usable)
        yield _counter("usable, by place", len(usable), "#findings", {name: present[name] for name in _PRESENCES})
    read = len({target.target for target in report.targets})
    gaps = count(len(report.skipped), "place") + " skipped" if report.skipped else ""
    yield _counter("targets", read, "#audited", {}, gaps or ("nothing skipped" if report.complete else "incomplete"))


_PRESENCES = ("still in files", "in the history only", "place unknown")


def _presence(credential: Credential) -> str:
    states = {spot.live for spot in presentation.spots(credential)}
    if True in states:
        return _PRESENCES[0]
    return _PRESENCES[1] if states == {False} else _PRESENCES[2]


def _counter(title: str, number: int, link: str, parts: Mapping[str, int], note: str = "") -> CounterView:
    found = []
    start = 0.0
    for name, amount in parts.items():
        width = 100 * amount / number if number else 0.0
        found.append(CounterPart(name, amount, round(start, 2), round(width, 2)))
        start += width
    title = title.removesuffix("s") if number == 1 else title
    return CounterView(title, number, link, tuple(found), note)
