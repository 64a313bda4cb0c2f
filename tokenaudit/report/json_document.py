"""A document with a schema, such as a report, as JSON: exactly the fields of its data model."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tokenaudit.json_text import json_text
from tokenaudit.map_text import map_text
from tokenaudit.text import visible
from tokenaudit.timestamps import to_utc

if TYPE_CHECKING:
    from tokenaudit.report import Options

_UNSEEN = re.compile(
    r"[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def render(document: object, options: Options) -> str:  # noqa: ARG001 - the signature of every format
    """The JSON format of all documents except a `Report`; their JSON Schemas ship as `NAME.schema.json`."""
    return as_json(document)


def as_json(document: object) -> str:
    r"""`document` as indented JSON with the schema first; all times in UTC.

    Characters that can't be seen or that change the reading direction are written as `\uXXXX`; bytes of a file name
    that are not UTF-8 appear as a backslash escape (`\\xff`). A field that ends in an underscore, because its name is a
    Python keyword, is written without it.
    """
    written = msgspec.to_builtins(in_utc(map_text(document, _encodable)))
    written = {name.removesuffix("_"): value for name, value in written.items()}
    return _UNSEEN.sub(_as_escape, json_text({"schema": written.pop("schema"), **written}))


def in_utc(node: Any) -> Any:  # noqa: ANN401 - any node of a document
    """`node` with all times in UTC: git has times in the author's zone, a report made by hand can have none."""
    if isinstance(node, datetime):
        return to_utc(node)
    if isinstance(node, tuple):
        return tuple(in_utc(item) for item in node)
    if is_dataclass(node) and not isinstance(node, type):
        old = {field.name: getattr(node, field.name) for field in fields(node)}
        changed = {name: new for name, value in old.items() if (new := in_utc(value)) is not value}
        return replace(node, **changed) if changed else node
    return node


def _encodable(text: str) -> str:
    return _SURROGATE.sub(lambda found: visible(found.group()), text)


def _as_escape(found: re.Match[str]) -> str:
    raw = found.group().encode("utf-16-be")
    return "".join(f"\\u{raw[at : at + 2].hex()}" for at in range(0, len(raw), 2))
