"""The policy's settings from `tokenaudit.toml` or the `[tool.tokenaudit]` table of `pyproject.toml`."""

from __future__ import annotations

import sys
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from tokenaudit.errors import ConfigurationError
from tokenaudit.policy.settings import NEVER_EXEMPT, Exemption, Incident, Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OWN_FILE = "tokenaudit.toml"
_LARGEST = 1_000_000


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


class _Table(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """The whole table. Every key may be absent."""

    max_age_days: int = Settings.max_age_days
    allowed_roles: tuple[str, ...] = Settings.allowed_roles
    dangerous_permissions: tuple[str, ...] = ()
    incidents: tuple[_Incident, ...] = ()
    exemptions: tuple[_Exemption, ...] = ()


def load_settings(directory: Path | None = None) -> Settings:
    """The settings of `directory` (the current one by default); the defaults where no file sets any.

    `tokenaudit.toml` wins over `pyproject.toml`.

    Raises:
        ConfigurationError: a file can't be read, or holds something that is no setting.
    """
    directory = directory or Path.cwd()
    for name, inner in ((OWN_FILE, ()), ("pyproject.toml", ("tool", "tokenaudit"))):
        path = directory / name
        if path.is_file():
            table: Any = _parsed(path)
            for key in inner:
                table = table.get(key, {}) if isinstance(table, dict) else {}
            if table:
                return _settings(table, path)
    return Settings()


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            table: dict[str, Any] = tomllib.loads(file.read(_LARGEST).decode())
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise ConfigurationError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no TOML: {' '.join(str(error).split())}"
        raise ConfigurationError(message) from None
    return table


def _settings(table: dict[str, Any], path: Path) -> Settings:
    try:
        read = msgspec.convert(table, _Table, strict=True)
    except msgspec.ValidationError as error:
        message = f"{path}: {error}; see docs/inspect.md for the settings"
        raise ConfigurationError(message) from None
    _check(read, path)
    return Settings(
        read.max_age_days,
        read.allowed_roles,
        read.dangerous_permissions,
        tuple(_incident(row, path) for row in read.incidents),
        tuple(Exemption(row.organization, row.until, row.reason, row.rules) for row in read.exemptions),
    )


def _check(table: _Table, path: Path) -> None:
    from tokenaudit.policy.evaluate import RULES  # noqa: PLC0415 - settings come before rules

    if table.max_age_days < 1:
        message = f"{path}: max-age-days is {table.max_age_days}; give at least 1"
        raise ConfigurationError(message)
    for row in table.exemptions:
        unknown = sorted(set(row.rules) - set(RULES))
        if unknown:
            message = (
                f"{path}: an exemption names the rule {unknown[0]!r}, which does not exist; see 'tokenaudit rules'"
            )
            raise ConfigurationError(message)
        exposure = sorted(set(row.rules) & NEVER_EXEMPT)
        if exposure:
            message = f"{path}: {exposure[0]} can't be exempted: what stands in the open must be revoked"
            raise ConfigurationError(message)
        if not row.reason.strip():
            message = f"{path}: the exemption for {row.organization} gives no reason"
            raise ConfigurationError(message)


def _incident(row: _Incident, path: Path) -> Incident:
    cutoff = _moment(row.cutoff, "cutoff", path)
    began = None if row.began is None else _moment(row.began, "began", path)
    ended = None if row.ended is None else _moment(row.ended, "ended", path)
    disclosed = None if row.disclosed is None else _moment(row.disclosed, "disclosed", path).date()
    if began is not None and began > cutoff:
        message = f"{path}: the incident {row.id} began after its cutoff; set cutoff to began or later"
        raise ConfigurationError(message)
    if began is not None and ended is not None and ended < began:
        message = f"{path}: the incident {row.id} ended before it began"
        raise ConfigurationError(message)
    return Incident(row.id, row.title, cutoff, row.advice, row.source, began, ended, disclosed)


def _moment(value: object, key: str, path: Path) -> datetime:
    if not isinstance(value, date):
        message = f"{path}: an incident's {key} is no date; write it without quotes, as 2026-07-16"
        raise ConfigurationError(message)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
