"""Texts that all formats of an incident report share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit import exit_codes
from tokenaudit.changes import phrasing as changes
from tokenaudit.text import count, listed
from tokenaudit.timestamps import day, minute, rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tokenaudit.incident.model import ActionItem, IncidentChange, IncidentReport, Reached
    from tokenaudit.policy.settings import Incident


def exit_code(view: IncidentReport) -> int:
    """1 if something is open, else 3 if something could not be read or asked, else 0."""
    if view.open:
        return exit_codes.FOUND
    return exit_codes.CLEAN if view.complete else exit_codes.INCOMPLETE


def answer(view: IncidentReport) -> str:
    """The summary in one sentence."""
    numbers = view.summary
    doubt = f" ({numbers.perhaps:,} possibly)" if numbers.perhaps else ""
    text = f"{count(numbers.credentials, 'credential')} affected{doubt}, {numbers.credentials_open:,} open"
    if numbers.secrets:
        text += f"; {count(numbers.secrets, 'stored secret')}, {numbers.secrets_open:,} not rotated"
    left = numbers.open - numbers.credentials_open - numbers.secrets_open
    if left:
        text += f"; {count(left, 'place')} with an invalid credential"
    if view.complete:
        return f"{text}."
    gaps = count(len(view.skipped), "place")
    return f"{text}; incomplete, {gaps} skipped."


def dates(incident: Incident) -> str:
    """The dates of the incident and its cutoff."""
    parts = []
    if incident.began is not None:
        until = f" to {moment(incident.ended)}" if incident.ended is not None else ""
        parts.append(f"activity {moment(incident.began)}{until}")
    if incident.disclosed is not None:
        parts.append(f"disclosed {day(incident.disclosed)}")
    parts.append(f"affects credentials created before {moment(incident.cutoff)}")
    return ", ".join(parts)


def moment(time: datetime | None) -> str:
    """A time to the minute, or a date for midnight."""
    if time is None:
        return "time unknown"
    if (time.hour, time.minute, time.second) == (0, 0, 0):
        return f"{day(time)}"
    return f"{minute(time)} UTC"


def reach(reached: Reached) -> str:
    """The combined reach, to follow "the affected credentials". Unknown numbers are not counted as zero."""
    if reached.readable is None or reached.writable is None:
        return "have unknown reach"
    least = "at least " if reached.not_known else ""
    pulled = f" ({reached.downloads_month:,} downloads/month)" if reached.downloads_month else ""
    written = f"{least}{count(reached.writable, 'repository')}"
    if least and not reached.writable:
        written = "an unknown number of repositories"
    details = f"{_number(reached.private)} private, {_number(reached.gated)} gated"
    return f"can write {written}{pulled} and read {least}{reached.readable:,} ({details})"


def _number(known: int | None) -> str:
    return "unknown number" if known is None else f"{known:,}"


def found(view: IncidentReport, item: ActionItem, most: int = 5) -> tuple[str, str]:
    """The places and the reach of an open credential; both empty for any other item."""
    touched = next((one for one in view.credentials if one.fingerprint == item.subject), None)
    if item.about != "credential" or touched is None:
        return "", ""
    places = listed(touched.places, most)
    if touched.writable is None:
        return places, "unknown"
    return places, f"writes {touched.writable:,} and reads {touched.readable or 0:,} repositories"


def happened(change: IncidentChange) -> str:
    """What a change is, without its time and place."""
    by = f" by {change.by}" if change.by else ""
    name = f" {change.id[:12]}" if change.kind == "commit" and change.id else ""
    number = f" #{change.id}" if change.kind in {"discussion", "pull-request"} and change.id else ""
    note = f" ({change.note})" if change.note else ""
    return f"{change.kind}{name}{number}{by}: {change.what}{note}"


def contents(view: IncidentReport) -> list[str]:
    """What changed in the writable repositories: one sentence per credential, then one per harmful repository."""
    found = view.contents
    if found is None:
        return []
    lines = []
    since_text = rfc3339(view.since)
    for credential in view.credentials:
        mine = [each for each in found.repositories if credential.fingerprint in each.fingerprints]
        if mine:
            token = f"token {credential.display}"
            lines.append(f"{changes.headline(mine, credential.writable or len(mine), token, since_text)}.")
    lines += [
        f"{repository.page} {changes.does(repository)}; last good revision {changes.good(repository)}"
        for repository in found.repositories
        if changes.risk(repository) != "none"
    ]
    return lines
