"""The view model of the page, computed from the report; the templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokenaudit.model import Severity
from tokenaudit.permissions import danger, effect_of
from tokenaudit.report import presentation
from tokenaudit.report.html.reach_graph import ReachGraph, reach_graph
from tokenaudit.report.html.reach_graph import in_words as reach_in_words
from tokenaudit.report.html.timeline import Timeline, anchor, timeline
from tokenaudit.report.remedies import next_step, replacement
from tokenaudit.report.text import kind
from tokenaudit.text import size
from tokenaudit.timestamps import day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenaudit.model import Credential, Entity, Grant, Problem, Report, Rule, Skipped
    from tokenaudit.report import Options

MOST_PICTURES = 150
"""Reach is drawn for this many credentials and told in words for the rest, to keep the page small."""

MOST_CARDS = 2000
MOST_SPOTS = 200
MOST_PROBLEMS = 500
"""Beyond these the page counts instead of listing: a browser has to hold it."""

ORDER = tuple(reversed(Severity))


@dataclass(frozen=True)
class Permission:
    """A permission with its effect, and whether it is dangerous."""

    name: str
    words: str
    dangerous: bool


@dataclass(frozen=True)
class Branch:
    """A grant: an entity with its permissions."""

    title: str
    patterns: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class Card:
    """One credential on the page.

    `named` is whether its fingerprint is one: a report made by hand could hold a command there, to be copied.
    """

    anchor: str
    credential: Credential
    named: bool
    severity: str
    rank: int
    status: str
    kind: str
    who: str
    spots: tuple[presentation.Spot, ...]
    places: tuple[tuple[str, tuple[presentation.Spot, ...]], ...]
    more_spots: int
    live: int
    last: str
    pulls: int
    branches: tuple[Branch, ...]
    scopes: tuple[Branch, ...]
    picture: ReachGraph | None
    reach: str
    replacement: str
    link: str | None
    patch: tuple[tuple[str, str], ...]
    rotation: str | None


@dataclass(frozen=True)
class ProblemGroup:
    """The problems one rule found, worst first."""

    rule: str
    severity: str
    title: str
    why: str
    problems: tuple[tuple[Problem, tuple[tuple[str, str], ...]], ...]
    count: int


@dataclass(frozen=True)
class Page:
    """Everything on the page."""

    report: Report
    verdict: str
    status: str
    next_step: str
    numbers: tuple[tuple[str, int, str], ...]
    cards: tuple[Card, ...]
    more_cards: int
    unlikely: tuple[Card, ...]
    groups: tuple[ProblemGroup, ...]
    timeline: Timeline | None
    skipped: tuple[Skipped, ...]
    several: bool
    places: int
    amount: str
    seconds: str
    severities: tuple[tuple[str, int], ...]
    policy: tuple[str, ...]
    followed: tuple[str, ...]


def page(report: Report, options: Options) -> Page:
    """The page of `report`."""
    likely = presentation.likely(report)
    cards = tuple(_card(c, options, drawn=number < MOST_PICTURES) for number, c in enumerate(likely[:MOST_CARDS]))
    unlikely = presentation.unlikely(report) if options.show_unlikely else []
    counts = presentation.severities(report)
    found = bool(likely or report.problems)
    return Page(
        report=report,
        verdict=presentation.sentence(report),
        status="bad" if found else "good" if report.complete else "open",
        next_step=next_step(report),
        numbers=_numbers(report, likely),
        cards=cards,
        more_cards=len(likely) - len(cards),
        unlikely=tuple(_card(credential, options) for credential in unlikely),
        groups=_groups(report, options.rules),
        timeline=timeline(report, likely),
        skipped=tuple(sorted(report.skipped, key=lambda entry: (entry.where, entry.reason))),
        several=presentation.several(report),
        places=len({target.target for target in report.targets}),
        amount=size(sum(target.bytes for target in report.targets)),
        seconds=f"{(report.finished_at - report.started_at).total_seconds():,.1f}",
        severities=tuple((severity.value, counts[severity]) for severity in ORDER),
        policy=tuple(presentation.policy_lines(report.policy)),
        followed=tuple(presentation.followed_lines(report)),
    )


def _numbers(report: Report, likely: list[Credential]) -> tuple[tuple[str, int, str], ...]:
    active = sum(c.inspection is not None and c.inspection.status == "active" for c in likely)
    over = sum(c.verdict is not None and c.verdict.privilege == "over" for c in likely)
    live = sum(any(spot.live for spot in presentation.spots(c)) for c in likely)
    return (
        ("credentials", len(likely), "#credentials"),
        ("active", active, "#credentials"),
        ("still in files", live, "#credentials"),
        ("over-privileged", over, "#credentials"),
        ("configuration problems", len(report.problems), "#problems"),
        ("places skipped", len(report.skipped), "#not-read"),
    )


def _card(credential: Credential, options: Options, *, drawn: bool = False) -> Card:
    spots = tuple(presentation.spots(credential))
    dates = sorted(spot.date for spot in spots if spot.date)
    severity = credential.severity
    inspection, reach, recommendation = credential.inspection, credential.reach, credential.recommendation
    account = inspection.account if inspection else None
    everywhere = _everywhere(credential)
    return Card(
        anchor=anchor(credential),
        credential=credential,
        named=credential.fingerprint.isascii() and credential.fingerprint.isalnum(),
        severity=severity.value,
        rank=severity.rank,
        status=inspection.status if inspection else "not inspected",
        kind=kind(credential.kind),
        who=f"{account.name} ({account.type})" if account else "",
        spots=spots,
        places=_places(spots[:MOST_SPOTS]),
        more_spots=max(0, len(spots) - MOST_SPOTS) + sum(spot.repeats for spot in spots),
        live=sum(spot.live is True for spot in spots),
        last=f"{day(dates[-1])}" if dates else "",
        pulls=reach.downloads_month if reach else 0,
        branches=(*everywhere, *(_branch(grant) for grant in (inspection.grants if inspection else ()))),
        scopes=tuple(_branch(grant) for grant in (recommendation.grants if recommendation else ())),
        picture=reach_graph(credential) if drawn else None,
        reach=reach_in_words(credential),
        replacement=_capital(replacement(recommendation.replacement)) if recommendation else "",
        link=_link(recommendation.create_url) if recommendation else None,
        patch=diff(recommendation.patch) if recommendation else (),
        rotation=options.rotation.get(credential.fingerprint),
    )


def _places(spots: tuple[presentation.Spot, ...]) -> tuple[tuple[str, tuple[presentation.Spot, ...]], ...]:
    groups: dict[str, list[presentation.Spot]] = {}
    for spot in spots:
        groups.setdefault(_state(spot), []).append(spot)
    return tuple((state, tuple(found)) for state, found in groups.items())


def _state(spot: presentation.Spot) -> str:
    if spot.live is None:
        return "Found at"
    if spot.live:
        return "Found, still present"
    return "Found, unreachable from any branch" if spot.reachable is False else "Found, removed, still in the history"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _everywhere(credential: Credential) -> tuple[Branch, ...]:
    names = credential.inspection.global_permissions if credential.inspection else ()
    return (Branch("everywhere", "", tuple(_permission(name, None) for name in names)),) if names else ()


def _branch(grant: Grant) -> Branch:
    entity = grant.entity
    title = f"{entity.type} {entity.name or entity.id or ''}".strip()
    return Branch(title, ", ".join(grant.patterns), tuple(_permission(name, entity) for name in grant.permissions))


def _permission(name: str, entity: Entity | None) -> Permission:
    return Permission(name, effect_of(name), danger(name, entity).rank >= Severity.HIGH.rank)


def _groups(report: Report, rules: Mapping[str, Rule]) -> tuple[ProblemGroup, ...]:
    by_rule: dict[str, list[Problem]] = {}
    for problem in presentation.problems(report):
        by_rule.setdefault(problem.rule, []).append(problem)
    return tuple(
        ProblemGroup(
            rule=rule,
            severity=found[0].severity.value,
            title=rules[rule].title if rule in rules else rule.replace("-", " "),
            why=rules[rule].why if rule in rules else "",
            problems=tuple((problem, diff(problem.patch)) for problem in found[:MOST_PROBLEMS]),
            count=len(found),
        )
        for rule, found in by_rule.items()
    )


def diff(patch: str | None) -> tuple[tuple[str, str], ...]:
    """The lines of a unified diff, each with its sort: add, del, hunk or same."""
    lines = (patch or "").splitlines()
    return tuple((_sort(line), line) for line in lines)


def _sort(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ", "@@")):
        return "hunk"
    return {"+": "add", "-": "del"}.get(line[:1], "same")


def _link(url: str | None) -> str | None:
    """A link only to https or to this machine; anything else a report may hold is shown as text nowhere."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        loopback = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    except ValueError:
        return None
    return url if parts.scheme == "https" or loopback else None
