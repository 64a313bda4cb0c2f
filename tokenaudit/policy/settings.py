"""The settings of the policy: ages, roles, incidents and exemptions."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import NamedTuple

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.model import Policy, Reason, Severity
from tokenaudit.text import did_you_mean

NEVER_EXEMPT = frozenset({"token-exposed", "token-exposed-active"})
"""Rules that no setting can lower: an exposed credential must be revoked, regardless of its owner."""


@dataclass(frozen=True)
class Incident:
    """A security incident, at the Hub or in an organization: credentials created before `cutoff` should be replaced.

    `began` and `ended` are the first and last known activity of the intruders, None where unknown; `disclosed` is the
    day of the public disclosure.
    """

    id: str
    title: str
    cutoff: datetime
    advice: str
    source: str
    began: datetime | None = None
    ended: datetime | None = None
    disclosed: date | None = None

    @property
    def since(self) -> datetime:
        """The time from which changes have to be reviewed: the earliest known one."""
        if self.began is not None:
            return self.began
        disclosed = datetime.combine(self.disclosed, time(), timezone.utc) if self.disclosed else self.cutoff
        return min(disclosed, self.cutoff)

    @property
    def since_reason(self) -> str:
        """Why `since` is that time, for a report."""
        if self.began is not None:
            return "the first known activity of the intruders"
        return "the earliest known date of the incident; its start is unknown, so review earlier changes too"


class Exemption(NamedTuple):
    """Findings of some rules that a team accepts for one organization until a date, with the reason.

    Exempted findings stay in the report as `info`, with the reason. No rules means all rules except those on exposure.
    """

    organization: str
    until: date
    reason: str
    rules: tuple[str, ...] = ()


class AllowEntry(NamedTuple):
    """Findings that the auditor accepts, with the reason, until a date if there is one.

    All of `fingerprint` (or its first 8 digits), `rule` and `path` (a glob) that are given must fit; one of them is.
    """

    reason: str
    fingerprint: str | None = None
    rule: str | None = None
    path: str | None = None
    until: date | None = None


@dataclass(frozen=True)
class Settings:
    """The policy's settings. `incidents` are those besides the built-in ones; ages are in days.

    `policy` names the file they were read from.
    """

    max_age_days: int = 365
    allowed_roles: tuple[str, ...] = ("fineGrained", "oauth", "app")
    dangerous_permissions: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    allow: tuple[AllowEntry, ...] = ()
    policy: Policy = field(default_factory=Policy, compare=False)


def exempted(reason: Reason, concerns: Callable[[Exemption], bool], settings: Settings, now: datetime) -> Reason:
    """The reason, as `info` where an exemption that `concerns` its subject applies."""
    if reason.rule in NEVER_EXEMPT:
        return reason
    for exemption in settings.exemptions:
        applies = not exemption.rules or reason.rule in exemption.rules
        if applies and now.date() <= exemption.until and concerns(exemption):
            note = (
                f"{reason.message} (accepted until {exemption.until} for {exemption.organization}: {exemption.reason})"
            )
            return replace(reason, severity=Severity.INFO, message=note)
    return reason


_LONGEST_ID = 30
"""A longer argument could be a credential passed by mistake; messages do not repeat it."""


@functools.cache
def built_in() -> tuple[Incident, ...]:
    """Every incident included in tokenaudit, oldest first."""
    table = Path(__file__).with_name("incidents.json")  # importlib.resources loads what else a scan can do without
    return tuple(_incident(row) for row in json.loads(table.read_bytes()))


def _incident(row: dict[str, str]) -> Incident:
    # Not with msgspec, which takes longer to load than a small scan.
    times = {
        name: datetime.fromisoformat(row[name].replace("Z", "+00:00"))
        for name in ("cutoff", "began", "ended")
        if name in row
    }
    days = {"disclosed": date.fromisoformat(row["disclosed"])} if "disclosed" in row else {}
    texts = {name: text for name, text in row.items() if name not in times and name not in days}
    return Incident(**texts, **times, **days)  # type: ignore[arg-type]  # a test compares the types


def known(settings: Settings) -> tuple[Incident, ...]:
    """The built-in incidents and those of the settings.

    Raises:
        ConfigurationError: two have the same id. A built-in incident can't be replaced, since that could hide it.
    """
    seen = {_key(incident.id) for incident in built_in()}
    for incident in settings.incidents:
        if _key(incident.id) in seen:
            shown = f"the id {incident.id!r}" if len(incident.id) <= _LONGEST_ID else "one id"
            message = f"{shown} is used by two incidents or by a built-in one; choose another id"
            raise ConfigurationError(message)
        seen.add(_key(incident.id))
    return (*built_in(), *settings.incidents)


def _key(name: str) -> str:
    return name.strip().casefold()


def chosen(settings: Settings, wanted: str) -> Incident:
    """The incident with the id `wanted`.

    Raises:
        UsageError: there is none.
    """
    table = {incident.id: incident for incident in known(settings)}
    found = table.get(wanted.strip())
    if found is None:
        shown = "that id" if len(wanted) > _LONGEST_ID else f"the id {wanted!r}"
        hint = did_you_mean(wanted, table) or f"; known incidents: {', '.join(table)} (add one with [[incidents]])"
        message = f"no incident with {shown}{hint}"
        raise UsageError(message)
    return found
