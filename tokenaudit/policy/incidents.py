"""The built-in table of incidents: data beside the code, so that a new row needs no code."""

from __future__ import annotations

import functools
import importlib.resources

import msgspec

from tokenaudit.errors import UsageError
from tokenaudit.policy.settings import Incident, Settings

_LONGEST_ID = 30
"""What is longer may be a credential that was given by mistake, and is not repeated."""


@functools.cache
def built_in() -> tuple[Incident, ...]:
    """Every incident that ships with tokenaudit, oldest first."""
    table = importlib.resources.files("tokenaudit.policy") / "incidents.json"
    return tuple(msgspec.json.decode(table.read_bytes(), type=list[Incident]))


def known(settings: Settings) -> tuple[Incident, ...]:
    """The built-in incidents and the user's own; the user's wins where both have an id."""
    own = {incident.id: incident for incident in settings.incidents}
    return (*(row for row in built_in() if row.id not in own), *own.values())


def chosen(settings: Settings, wanted: str) -> Incident:
    """The incident with the id `wanted`.

    Raises:
        UsageError: there is none.
    """
    table = {incident.id: incident for incident in known(settings)}
    found = table.get(wanted.strip())
    if found is None:
        shown = "that id" if len(wanted) > _LONGEST_ID else f"the id {wanted!r}"
        message = f"there is no incident with {shown}; known are {', '.join(table)} (your own: [[incidents]])"
        raise UsageError(message)
    return found
