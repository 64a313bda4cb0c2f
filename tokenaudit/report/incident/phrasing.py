"""What every format of the view says alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.text import count, listed
from tokenaudit.timestamps import day, minute

if TYPE_CHECKING:
    from datetime import datetime

    from tokenaudit.incident.model import ActionItem, IncidentChange, IncidentReport, Reached
    from tokenaudit.policy.settings import Incident

CLEAN, OPEN, INCOMPLETE = 0, 1, 3


def exit_code(view: IncidentReport) -> int:
    """1 where something is open, else 3 where something could not be read or asked, else 0."""
    if view.open:
        return OPEN
    return CLEAN if view.complete else INCOMPLETE


def answer(view: IncidentReport) -> str:
    """The answer in a sentence."""
    numbers = view.summary
    doubt = f" ({numbers.perhaps:,} of them perhaps)" if numbers.perhaps else ""
    said = f"{count(numbers.credentials, 'credential')} touched{doubt}, {numbers.credentials_open:,} still open"
    if numbers.secrets:
        said += f"; {count(numbers.secrets, 'kept secret')}, {numbers.secrets_open:,} not renewed"
    left = numbers.open - numbers.credentials_open - numbers.secrets_open
    if left:
        said += f"; {count(left, 'place')} still {'holds' if left == 1 else 'hold'} a dead one"
    if view.complete:
        return f"{said}."
    gaps = count(len(view.skipped), "place")
    return f"{said}; {gaps} could not be read or asked, so there may be more."


def dates(incident: Incident) -> str:
    """When it was, and what counts as older."""
    parts = []
    if incident.began is not None:
        until = f" to {moment(incident.ended)}" if incident.ended is not None else ""
        parts.append(f"activity {moment(incident.began)}{until}")
    if incident.disclosed is not None:
        parts.append(f"disclosed {day(incident.disclosed)}")
    parts.append(f"concerns what is older than {moment(incident.cutoff)}")
    return ", ".join(parts)


def moment(time: datetime | None) -> str:
    """A time as people read it, to the minute, or to the day where it is a day's beginning."""
    if time is None:
        return "time not told"
    if (time.hour, time.minute, time.second) == (0, 0, 0):
        return f"{day(time)}"
    return f"{minute(time)} UTC"


def reach(reached: Reached) -> str:
    """The blast radius in a sentence."""
    pulled = f", pulled {reached.downloads_month:,} times a month" if reached.downloads_month else ""
    return (
        f"could write {count(reached.writable, 'repository')}{pulled}, "
        f"and read {reached.readable:,} ({reached.private:,} private, {reached.gated:,} gated)"
    )


def found(view: IncidentReport, item: ActionItem, most: int = 5) -> tuple[str, str]:
    """Of a credential that is open: where it stands, and how far it reaches; both empty for anything else."""
    touched = next((one for one in view.credentials if one.fingerprint == item.subject), None)
    if item.about != "credential" or touched is None:
        return "", ""
    places = listed(touched.places, most)
    if touched.writable is None:
        return places, "not known"
    return places, f"writes {touched.writable:,} and reads {touched.readable or 0:,} repositories"


def happened(change: IncidentChange) -> str:
    """What a change is, without its time and place."""
    by = f" by {change.by}" if change.by else ""
    name = f" {change.id[:12]}" if change.kind == "commit" and change.id else ""
    number = f" #{change.id}" if change.kind in {"discussion", "pull-request"} and change.id else ""
    note = f" ({change.note})" if change.note else ""
    return f"{change.kind}{name}{number}{by}: {change.what}{note}"
