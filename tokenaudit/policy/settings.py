"""What a team may decide about its own policy."""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone

import msgspec

from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.model import Policy
from tokenaudit.text import did_you_mean

NEVER_EXEMPT = frozenset({"token-exposed", "token-exposed-active"})
"""Rules that no setting can lower: an exposed credential must be revoked, whoever it belongs to."""


@dataclass(frozen=True)
class Incident:
    """A break-in, at the Hub or at home: credentials created before `cutoff` should be replaced.

    `began` and `ended` are the first and last activity of the intruders that is known, None where nobody has said;
    `disclosed` is the day on which the world was told.
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
        """The moment from which changes have to be looked at: the earliest of those that are known."""
        if self.began is not None:
            return self.began
        told = datetime.combine(self.disclosed, time(), timezone.utc) if self.disclosed is not None else self.cutoff
        return min(told, self.cutoff)

    @property
    def since_reason(self) -> str:
        """Why `since` is that moment, in words."""
        if self.began is not None:
            return "the first known activity of the intruders"
        return "when it began is not known; this is the earliest day that is told of it, so look at earlier ones too"


@dataclass(frozen=True)
class Exemption:
    """A decision to live with some rules' findings in one organization until a day, and why.

    Its findings stay in the report, as `info`, with the reason. No rules named means all of them but
    those on exposure.
    """

    organization: str
    until: date
    reason: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The policy's settings. `incidents` are those beyond the built-in ones; ages are in days.

    `policy` says which file they were read from.
    """

    max_age_days: int = 365
    allowed_roles: tuple[str, ...] = ("fineGrained", "oauth", "app")
    dangerous_permissions: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    policy: Policy = field(default_factory=Policy, compare=False)


_LONGEST_ID = 30
"""What is longer may be a credential that was given by mistake, and is not repeated."""


@functools.cache
def built_in() -> tuple[Incident, ...]:
    """Every incident that ships with tokenaudit, oldest first."""
    table = importlib.resources.files("tokenaudit.policy") / "incidents.json"
    return tuple(msgspec.json.decode(table.read_bytes(), type=list[Incident]))


def known(settings: Settings) -> tuple[Incident, ...]:
    """The built-in incidents and the user's own.

    Raises:
        ConfigurationError: two have the same id. A built-in incident can't be replaced: that could hide it.
    """
    seen = {_key(incident.id) for incident in built_in()}
    for incident in settings.incidents:
        if _key(incident.id) in seen:
            shown = f"the id {incident.id!r}" if len(incident.id) <= _LONGEST_ID else "one id"
            message = f"two incidents have {shown}, or a built-in one has it; give yours another id"
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
        hint = did_you_mean(wanted, table) or f"; known are {', '.join(table)} (your own: [[incidents]])"
        message = f"there is no incident with {shown}{hint}"
        raise UsageError(message)
    return found
