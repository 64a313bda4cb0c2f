"""Two plots of a report as data for SVG: exposure over time, and reach. Numbers are units of the drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from markupsafe import Markup

from tokenaudit.model import Severity
from tokenaudit.policy.settings import built_in
from tokenaudit.text import count, shorten, visible
from tokenaudit.timestamps import day

if TYPE_CHECKING:
    from tokenaudit.model import Credential

MOST_ROWS = 12
"""Rows of a plot; a printed page must hold one next to text."""

FEWEST_FOR_AREA = 3
"""Credentials from which on their number over time is drawn; fewer are seen at a glance in the bars."""

_ROW = 22
_AREA = 110
_TOP = 40
_AXIS = 26
_LEAST_SPAN = timedelta(days=90)
_YEAR = 365.25
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12_000, 24_000, 60_000)
"""Months between two marks of the time axis."""

_MOST_INCIDENT_LABELS = 6
_FIRST = datetime(1, 1, 1, tzinfo=timezone.utc)
_WORST_FIRST = tuple(reversed(Severity))


@dataclass(frozen=True)
class PlotLayout:
    """A width of the drawing: `left` and `right` are the space for labels, `values` that for a number behind a bar."""

    name: str
    width: int
    left: int
    right: int
    values: int
    ticks: int
    longest_name: int


LAYOUTS = (PlotLayout("wide", 960, 210, 110, 130, 8, 24), PlotLayout("narrow", 400, 132, 84, 58, 4, 12))


@dataclass(frozen=True)
class Tick:
    """A position with a label; `words` explains it."""

    at: float
    name: str
    words: str = ""


@dataclass(frozen=True)
class Layer:
    """The outline of one severity in a stacked area, and the number at its end."""

    severity: str
    outline: Markup
    number: int


@dataclass(frozen=True)
class ExposedRow:
    """One credential: created at `created` (None: unknown), exposed from `start` until the audit."""

    y: int
    name: str
    anchor: str
    severity: str
    created: float | None
    start: float
    duration: str
    words: str


@dataclass(frozen=True)
class ExposurePlot:
    """How many usable credentials were exposed at each time, above a bar for each of the worst ones."""

    layout: PlotLayout
    height: int
    left: int
    right: int
    base: int
    top: int
    layers: tuple[Layer, ...]
    numbers: tuple[Tick, ...]
    times: tuple[Tick, ...]
    incidents: tuple[Tick, ...]
    rows: tuple[ExposedRow, ...]
    caption: str
    more: int


@dataclass(frozen=True)
class ReachRow:
    """One credential: lengths of the bars of its writable and only readable repositories, and of the downloads."""

    y: int
    name: str
    anchor: str
    severity: str
    write: float
    read: float
    repositories: str
    downloads: float
    pulls: str
    words: str


@dataclass(frozen=True)
class ReachPlot:
    """Repositories and downloads that the worst usable credentials reach; `middle` is where the second panel begins."""

    layout: PlotLayout
    height: int
    left: int
    middle: int
    rows: tuple[ReachRow, ...]
    caption: str
    more: int


def anchor(credential: Credential) -> str:
    """The name by which a link reaches a credential on the page."""
    return "c-" + "".join(sign for sign in credential.fingerprint if sign.isascii() and sign.isalnum())[:16]


def exposed_since(credential: Credential) -> datetime | None:
    """The earliest known date of its places."""
    return min((location.date for location in credential.locations if location.date), default=None)


def created_at(credential: Credential) -> datetime | None:
    """When it was created, as the Hub or the credential itself says."""
    if credential.inspection and credential.inspection.created_at:
        return credential.inspection.created_at
    return credential.claims.issued_at if credential.claims else None


def duration(since: datetime, until: datetime) -> str:
    """The time between two moments in the largest fitting unit; "0 days" where `since` is the later one."""
    days = max((until - since).days, 0)
    if days < 60:  # noqa: PLR2004 - two months
        return count(days, "day")
    if days < 2 * _YEAR:
        return f"{days / (_YEAR / 12):.0f} months"
    return f"{days / _YEAR:.1f} years"


def exposure_plot(credentials: Sequence[Credential], now: datetime, layout: PlotLayout) -> ExposurePlot | None:
    """The plot of usable `credentials`, worst first; None where no date is known."""
    dated = [(each, start) for each in credentials if (start := exposed_since(each)) is not None]
    if not dated:
        return None
    shown = dated[:MOST_ROWS]
    starts = [start for _, start in dated] + [made for each, _ in shown if (made := created_at(each)) is not None]
    first = min([*starts, now - min(_LEAST_SPAN, now - _FIRST)])
    x = _scale(first, now, layout)
    has_area = len(dated) >= FEWEST_FOR_AREA
    base = _TOP + (_AREA if has_area else 0)
    most = _rounded_up(len(dated))
    first_row = base + _AXIS + 14
    rows = tuple(
        _exposed_row(each, start, x, now, first_row + at * _ROW, layout) for at, (each, start) in enumerate(shown)
    )
    steps = sorted({0, most // 2, most}) if has_area else []
    oldest, since = min(dated, key=lambda pair: pair[1])
    return ExposurePlot(
        layout=layout,
        height=base + _AXIS + 8 + len(shown) * _ROW,
        left=layout.left,
        right=layout.width - layout.right,
        base=base,
        top=_TOP,
        layers=tuple(_layers(dated, x, now, base, most)) if has_area else (),
        numbers=tuple(Tick(base - _AREA * step / most, f"{step:,}") for step in steps),
        times=tuple(_times(first, now, x, layout.ticks)),
        incidents=tuple(_incidents(first, now, x)),
        rows=rows,
        caption=(
            f"{count(len(dated), 'usable credential')} exposed on {day(now)}. "
            f"The longest exposure began on {day(since)} ({duration(since, now)}, {visible(oldest.display)})."
        ),
        more=len(dated) - len(shown),
    )


def _scale(first: datetime, now: datetime, layout: PlotLayout) -> Callable[[datetime], float]:
    span = max((now - first).total_seconds(), 1.0)

    def x(moment: datetime) -> float:
        share = min(max((moment - first).total_seconds() / span, 0.0), 1.0)
        return round(layout.left + share * (layout.width - layout.left - layout.right), 1)

    return x


def _exposed_row(
    credential: Credential, start: datetime, x: Callable[[datetime], float], now: datetime, y: int, layout: PlotLayout
) -> ExposedRow:
    made = created_at(credential)
    created = f"created {day(made)}" if made else "creation date unknown"
    length = duration(start, now)
    return ExposedRow(
        y=y,
        name=_name(credential.display, layout),
        anchor=anchor(credential),
        severity=credential.severity.value,
        created=x(made) if made else None,
        start=x(start),
        duration=length,
        words=f"{credential.severity.value}, {created}, exposed since {day(start)} ({length})",
    )


def _layers(
    dated: Sequence[tuple[Credential, datetime]], x: Callable[[datetime], float], now: datetime, base: int, most: int
) -> list[Layer]:
    """Stacked steps, the worst severity at the bottom."""
    layers = []
    below: list[datetime] = []
    ends = (x(_FIRST), x(now))
    for severity in _WORST_FIRST:
        own = [start for credential, start in dated if credential.severity is severity]
        if not own:
            continue
        upper = _steps([*below, *own], x, base, most, ends)
        lower = _steps(below, x, base, most, ends)
        # Numbers only; a text of the page would be shortened.
        outline = Markup(" ".join(f"{px:g},{py:g}" for px, py in [*upper, *reversed(lower)]))  # noqa: S704 - as above
        layers.append(Layer(severity.value, outline, len(own)))
        below += own
    return layers


def _steps(
    starts: Sequence[datetime], x: Callable[[datetime], float], base: int, most: int, ends: tuple[float, float]
) -> list[tuple[float, float]]:
    """The corners of the line that rises by one at each of `starts`."""
    start, end = ends
    positions = sorted(map(x, starts))
    heights = {at: round(base - _AREA * number / most, 1) for number, at in enumerate(positions, 1)}
    corners: list[tuple[float, float]] = [(start, float(base))]
    for at, height in heights.items():
        corners += [(at, corners[-1][1]), (at, height)]
    return [*corners, (end, corners[-1][1])]


def _times(first: datetime, now: datetime, x: Callable[[datetime], float], most: int) -> list[Tick]:
    """Years, or months of a short time: about `most` of them."""
    begin, end = first.year * 12 + first.month - 1, now.year * 12 + now.month - 1
    step = next(size for size in _STEPS if (end - begin) / size <= most)
    ticks = []
    for index in range(-(-begin // step) * step, end + 1, step):
        moment = datetime(max(index // 12, 1), index % 12 + 1, 1, tzinfo=timezone.utc)
        if first <= moment <= now:
            years_only = step % 12 == 0
            ticks.append(Tick(x(moment), f"{moment:%Y}" if years_only else f"{moment:%Y-%m}"))
    return ticks or [Tick(x(first), day(first))]


def _incidents(first: datetime, now: datetime, x: Callable[[datetime], float]) -> list[Tick]:
    found = [
        Tick(x(incident.cutoff), incident.id, f"{incident.title} ({day(incident.cutoff)}): {incident.advice}")
        for incident in built_in()
        if first <= incident.cutoff <= now
    ]
    return found[:_MOST_INCIDENT_LABELS]


def _rounded_up(number: int) -> int:
    """The end of an axis for `number`: a round number that is at least as large."""
    if number <= 1:
        return 1
    unit = int(10 ** int(math.log10(number)))
    ends = [step * unit // 10 for step in (10, 20, 40, 60, 80, 100)]
    return next(end for end in ends if end >= number)


def reach_plot(credentials: Sequence[Credential], layout: PlotLayout) -> ReachPlot | None:
    """The plot of usable `credentials`, worst first; None where no reach is known."""
    reaching = [each for each in credentials if each.reach is not None and (each.reach.readable or each.reach.writable)]
    if not reaching:
        return None
    ranked = sorted(reaching, key=_most_harm)
    shown = ranked[:MOST_ROWS]
    half = (layout.width - layout.left) / 2
    panel = half - layout.values
    most_repos = max((_repositories(each) for each in shown), default=1) or 1
    most_pulls = max((each.reach.downloads_month for each in shown if each.reach), default=1) or 1
    is_narrow = layout.name == "narrow"
    rows = []
    for at, each in enumerate(shown):
        reach = each.reach
        if reach is None:
            raise AssertionError
        only_read = _repositories(each) - reach.writable
        pulls = short(reach.downloads_month) if is_narrow else f"{reach.downloads_month:,}"
        rows.append(
            ReachRow(
                y=_TOP + 16 + at * _ROW,
                name=_name(each.display, layout),
                anchor=anchor(each),
                severity=each.severity.value,
                write=round(panel * reach.writable / most_repos, 1),
                read=round(panel * only_read / most_repos, 1),
                repositories=f"{short(reach.writable)} + {short(only_read)}"
                if is_narrow
                else f"{reach.writable:,} write, {only_read:,} read",
                downloads=round(panel * reach.downloads_month / most_pulls, 1),
                pulls=pulls,
                words=(
                    f"{each.severity.value}, writes {count(reach.writable, 'repository')}, only reads {only_read:,}, "
                    f"{pulls} downloads in 30 days"
                ),
            )
        )
    return ReachPlot(
        layout,
        height=_TOP + 12 + len(shown) * _ROW,
        left=layout.left,
        middle=round(layout.left + half),
        rows=tuple(rows),
        caption=_together(reaching),
        more=len(ranked) - len(shown),
    )


def _most_harm(credential: Credential) -> tuple[int, int, str]:
    return (
        -credential.severity.rank,
        -(credential.reach.downloads_month if credential.reach else 0),
        credential.fingerprint,
    )


def _repositories(credential: Credential) -> int:
    """All repositories in its reach. Those that it can read include those that it can write, where both are known."""
    return max(credential.reach.readable, credential.reach.writable) if credential.reach else 0


def _together(reaching: Sequence[Credential]) -> str:
    written = {
        repo.id: repo.downloads or 0
        for each in reaching
        if each.reach
        for repo in each.reach.repos
        if repo.access == "write"
    }
    who = count(len(reaching), "usable credential") + " with a known reach"
    if not written:
        return f"{who}."
    return (
        f"{who}. Together they can write {count(len(written), 'known repository')} with "
        f"{sum(written.values()):,} downloads in 30 days."
    )


def _name(name: str, layout: PlotLayout) -> str:
    return shorten(visible(name), layout.longest_name)


def short(number: int) -> str:
    """A number in at most four characters and a unit: 999, 12.3k, 4.5M."""
    amount = float(number)
    for unit in ("", "k", "M", "G"):
        if amount < 999.5:  # noqa: PLR2004 - the next unit begins where it would be rounded to 1,000
            return f"{amount:.3g}{unit}"
        amount /= 1000
    return f"{amount:,.0f}T"
