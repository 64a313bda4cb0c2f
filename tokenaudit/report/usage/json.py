"""The usage report as JSON, schema `tokenaudit/usage/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenaudit.report.json import as_json

if TYPE_CHECKING:
    from tokenaudit.audit_log.model import UsageReport
    from tokenaudit.report import Options


def render(usage: UsageReport, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """The fields of `tokenaudit.audit_log.model`, `from_` as `from`; the JSON Schema ships as `usage.schema.json`."""
    return as_json(usage, {"from_": "from"})
