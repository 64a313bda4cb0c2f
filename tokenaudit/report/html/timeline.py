"""The creation and exposure of each credential on a timeline with the known incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tokenaudit.policy.settings import built_in
from tokenaudit.text import visible
from tokenaudit.timestamps import day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.model import Credential, Report

MOST_ROWS = 40
MOST_DOTS = 12
_ROW = 20
_TOP = 60
_LEFT = 150
_WIDTH = 960
_RIGHT_MARGIN = 20
_MOST_YEARS = 12


@dataclass(frozen=True)
class Row:
    """A credential's line: made at `created` (None: not known), seen exposed at each of `dots`."""

    y: int
    name: str
    anchor: str
    created: float | None
    exposed: float | None
    dots: tuple[float, ...]
    words: str


@dataclass(frozen=True)
class TimelineMark:
    """A year or an incident."""

    x: float
    name: str
    words: str = ""


@dataclass(frozen=True)
class Timeline:
    """A drawing of `width` by `height` units; `now` is where the audit's own time lies."""

    width: int
    height: int
    left: int
    now: float
    ends: tuple[TimelineMark, TimelineMark]
    rows: tuple[Row, ...]
    years: tuple[TimelineMark, ...]
    incidents: tuple[TimelineMark, ...]
    more: int


_FIRST = datetime(1, 1, 1, tzinfo=timezone.utc).timestamp()
"""The first moment that has a date."""


def timeline(report: Report, credentials: list[Credential]) -> Timeline | None:
    """The drawing for the most severe credentials with a known time, None if there is none."""
    timed = [(c, _created(c), _exposures(c)) for c in credentials]
    timed = [entry for entry in timed if entry[1] or entry[2]]
    if not timed:
        return None
    shown = timed[:MOST_ROWS]
    end = report.finished_at.timestamp()
    known = [moment.timestamp() for _, created, seen in shown for moment in (*([created] if created else []), *seen)]
    start = max(min([*known, end - 90 * 86400]), _FIRST)
    span = max(end - start, 1.0)

    def x(moment: datetime) -> float:
        share = (moment.timestamp() - start) / span
        return round(_LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT_MARGIN), 1)

    rows = tuple(
        Row(
            y=_TOP + number * _ROW,
            name=visible(credential.display),
            anchor=anchor(credential),
            created=x(created) if created else None,
            exposed=x(seen[0]) if seen else None,
            dots=tuple(dict.fromkeys(x(moment) for moment in seen))[:MOST_DOTS],
            words=_words(created, seen),
        )
        for number, (credential, created, seen) in enumerate(shown)
    )
    height = _TOP + len(shown) * _ROW + 8
    incidents = tuple(
        TimelineMark(x(incident.cutoff), incident.id, f"{incident.title}: {incident.advice}")
        for incident in built_in()
        if start <= incident.cutoff.timestamp() <= end
    )
    years = _years(start, end, x(report.finished_at), report)
    ends = (
        TimelineMark(float(_LEFT), f"{datetime.fromtimestamp(start, timezone.utc):%Y-%m}"),
        TimelineMark(x(report.finished_at), f"{day(report.finished_at)}"),
    )
    return Timeline(_WIDTH, height, _LEFT, x(report.finished_at), ends, rows, years, incidents, len(timed) - len(shown))


def anchor(credential: Credential) -> str:
    """The name by which a link reaches a credential on the page."""
    return "c-" + "".join(sign for sign in credential.fingerprint if sign.isascii() and sign.isalnum())[:16]


def _years(start: float, end: float, last: float, report: Report) -> tuple[TimelineMark, ...]:
    this = report.finished_at.year
    marks = []
    for year in range(max(1, this - _MOST_YEARS), this + 1):
        moment = report.finished_at.replace(year=year, month=1, day=1, hour=0, minute=0, second=0).timestamp()
        if start <= moment <= end:
            share = (moment - start) / max(end - start, 1.0)
            marks.append(TimelineMark(round(_LEFT + share * (last - _LEFT), 1), str(year)))
    return tuple(marks)


def _created(credential: Credential) -> datetime | None:
    if credential.inspection and credential.inspection.created_at:
        return credential.inspection.created_at
    return credential.claims.issued_at if credential.claims else None


def _exposures(credential: Credential) -> list[datetime]:
    return sorted(_dates(credential))


def _dates(credential: Credential) -> Iterable[datetime]:
    return (location.date for location in credential.locations if location.date)


def _words(created: datetime | None, seen: list[datetime]) -> str:
    made = f"made {day(created)}" if created else "created at an unknown time"
    return f"{made}, " + (f"first exposed {day(seen[0])}" if seen else "exposed at an unknown time")
