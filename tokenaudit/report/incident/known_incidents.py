"""The table of known incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from tokenaudit.json_text import json_text
from tokenaudit.report.incident.phrasing import dates
from tokenaudit.text import visible

if TYPE_CHECKING:
    from tokenaudit.policy.settings import Incident


def to_text(incidents: Sequence[Incident]) -> str:
    """A paragraph each."""
    return "\n".join(
        "".join(
            f"{visible(line)}\n"
            for line in (
                f"{incident.id}: {incident.title}",
                f"    {dates(incident)}",
                f"    {incident.advice}",
                *((f"    {incident.source}",) if incident.source else ()),
            )
        )
        for incident in incidents
    )


def to_json(incidents: Sequence[Incident]) -> str:
    """The rows of the table, schema `tokenaudit/incidents/1`."""
    rows = [
        {
            "id": incident.id,
            "title": incident.title,
            "began": _written(incident.began),
            "ended": _written(incident.ended),
            "disclosed": _written(incident.disclosed),
            "cutoff": _written(incident.cutoff),
            "advice": incident.advice,
            "source": incident.source,
        }
        for incident in incidents
    ]
    return json_text({"schema": "tokenaudit/incidents/1", "incidents": rows})


def _written(time: date | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
