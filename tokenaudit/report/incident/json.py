"""The incident report as JSON, schema `tokenaudit/incident/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.json import as_json

if TYPE_CHECKING:
    from tokenaudit.incident.model import IncidentReport
    from tokenaudit.report import Options


def render(view: IncidentReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Exactly the fields of `tokenaudit.incident.model`; the JSON Schema ships as `incident.schema.json`."""
    return as_json(view)
