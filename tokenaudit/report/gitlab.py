"""GitLab's secret-detection report (`gl-secret-detection-report.json`).

Written in schema 15.0.7, which instances of several years accept; `raw_source_code_extract` is omitted, since it would
quote the value. Times have no zone and are in UTC.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tokenaudit.json_text import json_text
from tokenaudit.report import presentation
from tokenaudit.report.flat_findings import flat_findings
from tokenaudit.text import shorten, visible
from tokenaudit.timestamps import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tokenaudit.model import Report
    from tokenaudit.report import Options
    from tokenaudit.report.flat_findings import FlatFinding

VERSION = "15.0.7"
SCHEMA = (
    "https://gitlab.com/gitlab-org/security-products/security-report-schemas"
    f"/-/raw/v{VERSION}/dist/secret-detection-report-format.json"
)
NO_COMMIT = "0" * 40
"""The commit in GitLab's format for a finding in the working tree."""

_NAMESPACE = uuid.UUID("7a1c4f52-3d0e-5b7f-9f43-2f6f0f1e8a11")
_LONGEST_NAME = 255
_LONGEST_DESCRIPTION = 4096
_LONGEST_SOLUTION = 7000


def render(report: Report, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """One vulnerability for every location of every credential and for every problem."""
    scanner = {
        "id": "tokenaudit",
        "name": "tokenaudit",
        "version": visible(report.tool.version) or "0",
        "vendor": {"name": "tokenaudit"},
    }
    scan: dict[str, Any] = {
        "analyzer": scanner,
        "scanner": scanner,
        "type": "secret_detection",
        "start_time": _time(report.started_at),
        "end_time": _time(report.finished_at),
        "status": "success" if report.complete else "failure",
    }
    messages = [
        {"level": "warn", "value": f"not read: {visible(entry.where)}: {visible(entry.reason)}"}
        for entry in report.skipped
    ]
    lines = [*presentation.followed_lines(report), *presentation.policy_lines(report.policy)]
    active = [presentation.accepted_active_line(one) for one in report.accepted_active]
    messages += [{"level": "warn", "value": visible(line)} for line in active]
    messages += [{"level": "info", "value": visible(line)} for line in lines]
    if messages:
        scan["messages"] = messages
    document = {
        "version": VERSION,
        "schema": SCHEMA,
        "scan": scan,
        "vulnerabilities": [_vulnerability(item) for item in flat_findings(report)],
    }
    return json_text(document, indent=1)


def _vulnerability(item: FlatFinding) -> dict[str, Any]:
    location: dict[str, Any] = {"commit": {"sha": visible(item.commit or "") or NO_COMMIT}}
    if item.file is not None:
        location["file"] = visible(item.file)
    if item.line is not None:
        location |= {"start_line": item.line, "end_line": item.end_line or item.line}
    identity = "\0".join(item.identity).encode("utf-8", "backslashreplace").decode()
    return {
        "id": str(uuid.uuid5(_NAMESPACE, identity)),
        "name": shorten(_name(item), _LONGEST_NAME),
        "description": shorten(item.message, _LONGEST_DESCRIPTION),
        "severity": item.severity.value.capitalize(),
        "solution": shorten(item.remedy, _LONGEST_SOLUTION),
        "identifiers": [
            {"type": "tokenaudit_rule_id", "name": f"tokenaudit {item.rule}", "value": item.rule},
            *(
                [{"type": "tokenaudit_fingerprint", "name": f"credential {item.display}", "value": item.fingerprint}]
                if item.fingerprint
                else []
            ),
        ],
        "location": location,
    }


def _name(item: FlatFinding) -> str:
    if item.credential is None:
        return item.rule.replace("-", " ").capitalize()
    return f"Hugging Face {visible(item.credential.kind).replace('_', ' ')}"


def _time(moment: datetime) -> str:
    return rfc3339(moment).removesuffix("Z")
