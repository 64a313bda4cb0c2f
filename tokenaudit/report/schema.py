"""The JSON Schemas of the documents, generated from their classes.

After a change of the model: `python -m tokenaudit.report.schema > tokenaudit/report/report.schema.json`, and the same
with `plan`, `incident`, `service-accounts`, `changes` and `usage`.
"""

from __future__ import annotations

import importlib.resources
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, get_args, get_type_hints

import msgspec

from tokenaudit.audit_log.model import UsageReport
from tokenaudit.changes.model import ChangesReport
from tokenaudit.incident.model import IncidentReport
from tokenaudit.model import Report
from tokenaudit.remediate.runbook import Runbook
from tokenaudit.service_accounts.assess import ServiceAccountsReport


@dataclass(frozen=True)
class SchemaDocument:
    """A document with a schema: its class, id, title and file in this package."""

    model: type
    id: str
    title: str
    file: str
    names: Mapping[str, str] = field(default_factory=dict)
    """JSON names of fields at the top level that can't have them in Python."""


REPORT = SchemaDocument(Report, "tokenaudit/report/1", "tokenaudit report", "report.schema.json")
CHANGES = SchemaDocument(ChangesReport, "tokenaudit/changes/1", "tokenaudit changes", "changes.schema.json")
INCIDENT = SchemaDocument(IncidentReport, "tokenaudit/incident/1", "tokenaudit incident", "incident.schema.json")
SERVICE_ACCOUNTS = SchemaDocument(
    ServiceAccountsReport,
    "tokenaudit/service-accounts/1",
    "tokenaudit service-accounts list",
    "service_accounts.schema.json",
)
PLAN = SchemaDocument(Runbook, "tokenaudit/plan/1", "tokenaudit plan", "plan.schema.json")
USAGE = SchemaDocument(UsageReport, "tokenaudit/usage/1", "tokenaudit usage", "usage.schema.json", {"from_": "from"})
DOCUMENTS = {
    "report": REPORT,
    "plan": PLAN,
    "incident": INCIDENT,
    "service-accounts": SERVICE_ACCOUNTS,
    "changes": CHANGES,
    "usage": USAGE,
}


def generate(document: SchemaDocument = REPORT) -> dict[str, Any]:
    """The schema of what is written: every key is always present, others may be added."""
    schema = msgspec.json.schema(document.model)
    classes = {each.__name__: each for each in _dataclasses(document.model, {})}
    for name, definition in schema["$defs"].items():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
            for time in _times(classes[name]):
                _mark_as_time(definition["properties"][time])
    top = schema["$defs"][document.model.__name__]
    top["properties"] = {document.names.get(name, name): value for name, value in top["properties"].items()}
    top["required"] = list(top["properties"])
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": document.id,
        "title": document.title,
        **schema,
    }
    as_json: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
    return as_json


def _dataclasses(hint: Any, found: dict[Any, None]) -> dict[Any, None]:  # noqa: ANN401 - any type hint
    """Every dataclass that `hint` refers to."""
    if is_dataclass(hint) and hint not in found:
        found[hint] = None
        for inner in get_type_hints(hint).values():
            _dataclasses(inner, found)
    for inner in get_args(hint):
        _dataclasses(inner, found)
    return found


def _times(model: type) -> list[str]:
    return [name for name, hint in get_type_hints(model).items() if datetime in (hint, *get_args(hint))]


def _mark_as_time(definition: dict[str, Any]) -> None:
    for choice in definition.get("anyOf", [definition]):
        if choice.get("type") == "string":
            choice.update(format="date-time", pattern="Z$")


def text(document: SchemaDocument = REPORT) -> str:
    """`generate()` as the text of the shipped file."""
    return msgspec.json.format(msgspec.json.encode(generate(document)), indent=2).decode() + "\n"


def shipped(document: SchemaDocument = REPORT) -> dict[str, Any]:
    """The schema as this package ships it."""
    file = importlib.resources.files("tokenaudit.report") / document.file
    loaded: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return loaded


if __name__ == "__main__":
    sys.stdout.write(text(DOCUMENTS[sys.argv[1]] if sys.argv[1:] else REPORT))
