"""The examination of changes as JSON, schema `tokenaudit/changes/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.json import as_json

if TYPE_CHECKING:
    from tokenaudit.changes.model import ChangesReport
    from tokenaudit.report import Options


def render(view: ChangesReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """Exactly the fields of `tokenaudit.changes.model`; the JSON Schema ships as `changes.schema.json`."""
    return as_json(view)
