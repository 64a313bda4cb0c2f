"""Writes the report as JSON with exactly the fields of `tokenaudit.model`, and reads it again."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.file_access import read_argument
from tokenaudit.model import Credential, Report
from tokenaudit.redaction import masked
from tokenaudit.report.json_document import as_json, in_utc

if TYPE_CHECKING:
    from tokenaudit.report import Options

SCHEMA = "tokenaudit/report/1"
STDIN = "-"
_FAMILY = "tokenaudit/report/"
_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
_NAMES = frozenset({"path", "member", "target", "inside", "repository"})
_AT = re.compile(r"at `(\$[^`]*)`")
_EXPECTED = re.compile(r"Expected `[a-z0-9 |]+`, got `[a-z]+`|Object missing required field `[a-z_]+`")


def render(report: Report, options: Options) -> str:
    """The report as indented JSON; placeholders and look-alikes only on request, though always counted."""
    if not options.show_unlikely:
        kept = tuple(c for c in report.credentials if c.likelihood == "credential")
        report = replace(report, credentials=kept)
    credentials = sorted(report.credentials, key=lambda c: (c.likelihood != "credential", c.order))
    problems = sorted(report.problems, key=lambda problem: problem.order)
    return as_json(replace(report, credentials=tuple(credentials), problems=tuple(problems)))


def load(text: str | bytes, name: str = "the report") -> Report:
    """A report from JSON. Unknown keys are ignored; `name` names the file in errors.

    Raises:
        ConfigurationError: the text is not JSON, not a report, or has a newer schema.
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
        report: Report = in_utc(msgspec.json.decode(data, type=Report))
    except msgspec.ValidationError as error:
        message = f"{name} is not a valid tokenaudit report: {_validation_error(error)}"
        raise ConfigurationError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{name} can't be read: {_json_error(error)}"
        raise ConfigurationError(message) from None
    report = _with_undecodable_names(report)
    return masked(replace(report, credentials=tuple(map(_with_lower_fingerprint, report.credentials))))


def _with_undecodable_names(node: Any) -> Any:  # noqa: ANN401 - any node of a report
    r"""`node` with bytes of names that are not UTF-8, written as `\xff` in JSON, as surrogate escapes.

    A name that really contains a backslash, an x and two hex digits is changed too.
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
    # Some messages quote the wrong value, which can be anything: only the names of types are kept.
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
