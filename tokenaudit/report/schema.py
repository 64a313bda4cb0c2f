"""The JSON Schema of the report, made from the classes that are the report.

After a change of the model: `python -m tokenaudit.report.schema > tokenaudit/report/report.schema.json`.
"""

from __future__ import annotations

import importlib.resources
import inspect
import sys
from datetime import datetime
from typing import Any, get_args, get_type_hints

import msgspec

from tokenaudit import model
from tokenaudit.model import Report

FILE = "report.schema.json"


def generate() -> dict[str, Any]:
    """The schema of what `tokenaudit.report.json.render` writes: every key is always present, others may be added."""
    schema = msgspec.json.schema(Report)
    for name, definition in schema["$defs"].items():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
            for field in _times(getattr(model, name)):
                _mark_as_time(definition["properties"][field])
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "tokenaudit/report/1",
        "title": "tokenaudit report",
        **schema,
    }
    as_json: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return as_json


def _times(noun: type) -> list[str]:
    return [name for name, hint in get_type_hints(noun).items() if datetime in (hint, *get_args(hint))]


def _mark_as_time(definition: dict[str, Any]) -> None:
    for choice in definition.get("anyOf", [definition]):
        if choice.get("type") == "string":
            choice.update(format="date-time", pattern="Z$")


def text() -> str:
    """`generate()` as the text of the shipped file."""
    return msgspec.json.format(msgspec.json.encode(generate()), indent=2).decode() + "\n"


def shipped() -> dict[str, Any]:
    """The schema as this package ships it."""
    file = importlib.resources.files("tokenaudit.report") / FILE
    loaded: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return loaded


if __name__ == "__main__":
    sys.stdout.write(text())
