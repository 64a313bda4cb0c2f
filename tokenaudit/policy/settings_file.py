"""Reads a settings file. Loaded only where there is one: its libraries take longer to load than a small scan."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.file_access import TooLargeError, read_regular
from tokenaudit.policy.evaluate import RULES
from tokenaudit.policy.settings import NEVER_EXEMPT, AllowEntry, Exemption, Incident, Settings, known
from tokenaudit.text import did_you_mean, parse_fingerprint
from tokenaudit.timestamps import to_utc

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 100_000
"""Bytes of the largest file that is read."""
_DEEPEST = 50
"""Depth of brackets and of dotted keys; the settings need three."""
_TEXTS = re.compile(r'''"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|\#[^\n]*''', re.DOTALL)
"""Strings and comments."""
_LONGEST_SHOWN = 40
_MOST_DAYS = 36_525


class _Incident(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """One row of `[[incidents]]`; its times are TOML dates or times (UTC where they name no zone)."""

    id: str
    title: str
    cutoff: object
    advice: str = "replace it"
    source: str = ""
    began: object = None
    ended: object = None
    disclosed: object = None


class _Exemption(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """One row of `[[exemptions]]`; both the day and the reason must be there."""

    organization: str
    until: date
    reason: str
    rules: tuple[str, ...] = ()


class _Allow(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """One row of `[[allow]]`; the reason must be there, and one of the others but `until`."""

    reason: str
    fingerprint: str | None = None
    rule: str | None = None
    path: str | None = None
    until: date | None = None


class _Table(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """The whole table. Every key may be absent."""

    max_age_days: int = Settings.max_age_days
    allowed_roles: tuple[str, ...] = Settings.allowed_roles
    dangerous_permissions: tuple[str, ...] = ()
    incidents: tuple[_Incident, ...] = ()
    exemptions: tuple[_Exemption, ...] = ()
    allow: tuple[_Allow, ...] = ()


def read_settings(path: Path) -> Settings:
    """The settings in the file `path`.

    Raises:
        ConfigurationError: it can't be read or has an invalid setting.
    """
    return _settings(_parsed(path), path)


def _parsed(path: Path) -> dict[str, Any]:
    text = _read(path)
    bare = _TEXTS.sub("", text)
    if _depth(bare) > _DEEPEST or any(line.count(".") > _DEEPEST for line in bare.splitlines()):
        raise ConfigurationError(_invalid(path, "nested too deeply"))
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except RecursionError:
        raise ConfigurationError(_invalid(path, "nested too deeply")) from None
    except ValueError as error:  # also for a number with thousands of digits
        raise ConfigurationError(_invalid(path, " ".join(str(error).split()))) from None
    return table


def _read(path: Path) -> str:
    try:
        data = read_regular(path, _LARGEST)
    except TooLargeError:
        message = f"{path} is larger than {_LARGEST:,} bytes; not a settings file"
        raise ConfigurationError(message) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        message = f"{path} can't be read: {reason}; name a TOML file with --config"
        raise ConfigurationError(message) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(_invalid(path, f"not UTF-8 at byte {error.start}")) from None


def _invalid(path: Path, reason: str) -> str:
    return f"{path}: invalid TOML: {reason}"


def _depth(text: str) -> int:
    """The maximum depth of brackets. A compiled TOML parser can lack a limit of its own."""
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _settings(table: dict[str, Any], path: Path) -> Settings:
    _check_keys(table, path)
    try:
        read = msgspec.convert(table, _Table, strict=True)
    except msgspec.ValidationError as error:
        message = f"{path}: {error}; see docs/inspect.md for the settings"
        raise ConfigurationError(message) from None
    _check(read, path)
    settings = Settings(
        read.max_age_days,
        read.allowed_roles,
        read.dangerous_permissions,
        tuple(_incident(row, path) for row in read.incidents),
        tuple(Exemption(row.organization, row.until, row.reason, row.rules) for row in read.exemptions),
        tuple(_allow_entry(row, path) for row in read.allow),
    )
    _check_incidents(settings, path)
    return settings


def _check_keys(table: dict[str, Any], path: Path) -> None:
    for where, given, allowed in _tables(table):
        for key in given:
            if key not in allowed:
                message = f"{path}: unknown setting {_shown(key)}{where}{_nearest(key, allowed)}"
                raise ConfigurationError(message)


def _tables(table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    yield "", table, _names(_Table)
    for name, row_type in (("incidents", _Incident), ("exemptions", _Exemption), ("allow", _Allow)):
        rows = table.get(name)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                yield f" in [[{name}]]", row, _names(row_type)


def _names(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def _shown(name: str) -> str:
    """A name from the file, unless it is too long to be a typo."""
    return repr(name) if len(name) <= _LONGEST_SHOWN else "with more than 40 characters"


def _nearest(name: str, allowed: Sequence[str]) -> str:
    return did_you_mean(name, allowed) or f"; known settings: {', '.join(allowed)}"


def _check(table: _Table, path: Path) -> None:
    if not 1 <= table.max_age_days <= _MOST_DAYS:
        message = f"{path}: max-age-days is {table.max_age_days}; use 1 to {_MOST_DAYS}"
        raise ConfigurationError(message)
    for row in table.exemptions:
        if not row.organization.strip():
            message = f"{path}: an exemption has no organization"
            raise ConfigurationError(message)
        for rule in sorted(set(row.rules) - set(RULES)):
            hint = did_you_mean(rule, RULES) or "; see 'tokenaudit rules'"
            message = f"{path}: an exemption names an unknown rule {_shown(rule)}{hint}"
            raise ConfigurationError(message)
        exposure = sorted(set(row.rules) & NEVER_EXEMPT)
        if exposure:
            message = f"{path}: {exposure[0]} can't be exempted: exposed tokens must be revoked"
            raise ConfigurationError(message)
        if not row.reason.strip():
            message = f"{path}: the exemption for {row.organization} has no reason"
            raise ConfigurationError(message)


def _allow_entry(row: _Allow, path: Path) -> AllowEntry:
    texts = {"reason": row.reason, "fingerprint": row.fingerprint, "rule": row.rule, "path": row.path}
    for name, text in texts.items():
        if text is not None and not text.strip():
            message = f"{path}: an entry of [[allow]] has an empty {name}"
            raise ConfigurationError(message)
    if not any(text for name, text in texts.items() if name != "reason"):
        message = f"{path}: an entry of [[allow]] names nothing; add a fingerprint, a rule or a path"
        raise ConfigurationError(message)
    if row.path is not None and not row.path.strip("*/. ") and not (row.fingerprint or row.rule):
        message = f"{path}: an entry of [[allow]] would accept everything; add a fingerprint or a rule"
        raise ConfigurationError(message)
    try:
        fingerprint = None if row.fingerprint is None else parse_fingerprint(row.fingerprint)
    except UsageError as error:
        message = f"{path}: [[allow]]: {error}"
        raise ConfigurationError(message) from None
    return AllowEntry(row.reason, fingerprint, row.rule, row.path, row.until)


def _check_incidents(settings: Settings, path: Path) -> None:
    try:
        known(settings)
    except ConfigurationError as error:
        message = f"{path}: {error}"
        raise ConfigurationError(message) from None


def _incident(row: _Incident, path: Path) -> Incident:
    cutoff = _moment(row.cutoff, "cutoff", path)
    began = None if row.began is None else _moment(row.began, "began", path)
    ended = None if row.ended is None else _moment(row.ended, "ended", path)
    disclosed = None if row.disclosed is None else _moment(row.disclosed, "disclosed", path).date()
    if not row.id.strip():
        message = f"{path}: an incident has an empty id"
        raise ConfigurationError(message)
    if began is not None and began > cutoff:
        message = f"{path}: incident {row.id} began after its cutoff; set cutoff to began or later"
        raise ConfigurationError(message)
    if began is not None and ended is not None and ended < began:
        message = f"{path}: incident {row.id} ended before it began"
        raise ConfigurationError(message)
    return Incident(row.id, row.title, cutoff, row.advice, row.source, began, ended, disclosed)


def _moment(value: object, key: str, path: Path) -> datetime:
    if not isinstance(value, date):
        message = f"{path}: {key} of an incident is not a date; write it without quotes, such as 2026-07-16"
        raise ConfigurationError(message)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return to_utc(value)
