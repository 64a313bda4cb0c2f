"""What a team may decide about its own policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

NEVER_EXEMPT = frozenset({"token-exposed", "token-exposed-active"})
"""Rules that no setting can quieten: settings may come from the very place that is audited."""


@dataclass(frozen=True)
class Incident:
    """A break-in at the Hub: credentials created before `cutoff` should be replaced."""

    id: str
    title: str
    cutoff: datetime
    advice: str
    source: str


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
    """The policy's settings. `incidents` are those beyond the built-in ones; ages are in days."""

    max_age_days: int = 365
    allowed_roles: tuple[str, ...] = ("fineGrained", "oauth", "app")
    dangerous_permissions: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
