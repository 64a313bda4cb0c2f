"""The report as JSON, exactly the fields of `tokenaudit.model`, and read back again."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.file_access import read_argument
from tokenaudit.json_text import json_text
from tokenaudit.map_text import map_text
from tokenaudit.model import Credential, Report
from tokenaudit.redaction import masked
from tokenaudit.text import visible
from tokenaudit.timestamps import to_utc

if TYPE_CHECKING:
    from tokenaudit.report import Options

SCHEMA = "tokenaudit/report/1"
_FAMILY = "tokenaudit/report/"
_UNSEEN = re.compile(
    r"[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
_NAMES = frozenset({"path", "member", "target", "inside", "repository"})
_AT = re.compile(r"at `(\$[^`]*)`")
_EXPECTED = re.compile(r"Expected `[a-z0-9 |]+`, got `[a-z]+`|Object missing required field `[a-z_]+`")


def render(report: Report, options: Options) -> str:
    r"""The report as indented JSON; placeholders and look-alikes only on request, though always counted.

    Characters that can't be seen or that turn the reading direction are written as `\uXXXX`; bytes of a file name
    that are no UTF-8 appear as a backslash escape (`\\xff`).
    """
    if not options.show_unlikely:
        kept = tuple(c for c in report.credentials if c.likelihood == "credential")
        report = replace(report, credentials=kept)
    credentials = sorted(report.credentials, key=lambda c: (c.likelihood != "credential", c.order))
    problems = sorted(report.problems, key=lambda problem: problem.order)
    return as_json(replace(report, credentials=tuple(credentials), problems=tuple(problems)))


def as_json(document: object, names: Mapping[str, str] | None = None) -> str:
    """A document with a `schema`, such as a report, as indented JSON with the schema first; all times in UTC.

    `names` are the JSON names of fields at the top level that can't have them in Python.
    """
    written = msgspec.to_builtins(_in_utc(map_text(document, _encodable)))
    written = {(names or {}).get(name, name): value for name, value in written.items()}
    document = {"schema": written.pop("schema"), **written}
    return _UNSEEN.sub(_as_escape, json_text(document))


def load(text: str | bytes, name: str = "the report") -> Report:
    """A report from JSON. Unknown keys are ignored; `name` names the file in errors.

    Raises:
        ConfigurationError: not JSON, not a report, or a newer schema.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        head = msgspec.json.decode(data, type=_Head)
    except msgspec.ValidationError:
        message = f'{name} is not a tokenaudit report: "schema" is missing'
        raise ConfigurationError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{name} is not valid JSON ({_json_error(error)}); write the report again"
        raise ConfigurationError(message) from None
    if head.schema != SCHEMA:
        raise ConfigurationError(_schema_error(head.schema, name))
    try:
        report: Report = _in_utc(msgspec.json.decode(data, type=Report))
    except msgspec.ValidationError as error:
        message = f"{name} is not a valid tokenaudit report: {_validation_error(error)}"
        raise ConfigurationError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{name} can't be read: {_json_error(error)}"
        raise ConfigurationError(message) from None
    report = _with_undecodable_names(report)
    return masked(replace(report, credentials=tuple(map(_with_lower_fingerprint, report.credentials))))


def _with_undecodable_names(node: Any) -> Any:  # noqa: ANN401 - any node of a report
    r"""`node` with the bytes of names that are no UTF-8, which JSON has as `\xff`, as Python has them.

    A name that holds a backslash, an x and two hex digits itself is taken for one.
    """
    if isinstance(node, tuple):
        return tuple(_with_undecodable_names(item) for item in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed: dict[str, object] = {}
    for field in fields(node):
        old = getattr(node, field.name)
        if field.name in _NAMES and isinstance(old, str):
            new: object = _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), old)
        else:
            new = _with_undecodable_names(old)
        if new is not old and new != old:
            changed[field.name] = new
    return replace(node, **changed) if changed else node


def _with_lower_fingerprint(credential: Credential) -> Credential:
    """Fingerprints in lower case: another tool can have changed the case."""
    lower = credential.fingerprint.lower()
    return credential if lower == credential.fingerprint else replace(credential, fingerprint=lower)


@dataclass(frozen=True)
class _Head:
    schema: str


def _schema_error(found: str, name: str) -> str:
    number = found.removeprefix(_FAMILY)
    if found.startswith(_FAMILY) and number.isascii() and number.isdecimal() and number != "0":
        return (
            f"{name} was written by a newer tokenaudit (schema {number[:9]}, supported: {SCHEMA}); upgrade tokenaudit"
        )
    return f"{name} is not a tokenaudit report: schema is not {SCHEMA}"


def _validation_error(error: msgspec.ValidationError) -> str:
    # The message of some errors quotes the value that was wrong, which may be anything: only what names types is kept.
    full_message = str(error)
    what = _EXPECTED.search(full_message)
    at = _AT.search(full_message)
    return f"{what.group() if what else 'a value is not one of those allowed'} at {at.group(1) if at else '$'}"


def _json_error(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error)


def _encodable(text: str) -> str:
    return _SURROGATE.sub(lambda found: visible(found.group()), text)


def _as_escape(found: re.Match[str]) -> str:
    raw = found.group().encode("utf-16-be")
    return "".join(f"\\u{raw[at : at + 2].hex()}" for at in range(0, len(raw), 2))


def _in_utc(node: Any) -> Any:  # noqa: ANN401 - any node of a report
    """`node` with all times in UTC: git has times in the author's zone, a report made by hand can have none."""
    if isinstance(node, datetime):
        return to_utc(node)
    if isinstance(node, tuple):
        return tuple(_in_utc(item) for item in node)
    if is_dataclass(node) and not isinstance(node, type):
        old = {field.name: getattr(node, field.name) for field in fields(node)}
        changed = {name: new for name, value in old.items() if (new := _in_utc(value)) is not value}
        return replace(node, **changed) if changed else node
    return node


STDIN = "-"


def load_report(source: str | Path | None) -> Report:
    """The JSON report in the file `source`, or stdin for None and `-`.

    Raises:
        UsageError: the file can't be read.
        ConfigurationError: the file is not a report, or has a newer schema.
    """
    if source is None or str(source) == STDIN:
        return load(sys.stdin.buffer.read(), "stdin")
    try:
        data = read_argument(source)
    except OSError as error:
        message = f"{source} can't be read: {error.strerror}; pass a report written with --format json"
        raise UsageError(message) from None
    return load(data, str(source))
