"""The context that rules get besides the credential, and helpers that several rules share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from tokenaudit.inspect.effective import effective
from tokenaudit.model import Credential, Entity, Inspection, Severity
from tokenaudit.permissions import danger
from tokenaudit.policy.settings import Incident, Settings, known
from tokenaudit.text import count, listed

CLASSIC_ROLES = frozenset({"read", "write", "god"})
_OWNER_PLACES = frozenset({"machine", "stdin", "environment", "keyring", "stored"})


class EffectivePermission(NamedTuple):
    """One permission on one entity (None: everywhere).

    `inactive_because` is the reason why it has no effect at present: the owner's role or the organization's rules.
    """

    permission: str
    entity: Entity | None
    danger: Severity
    inactive_because: str = ""

    @property
    def where(self) -> str:
        """The entity as text, such as `model acme/m`."""
        if self.entity is None:
            return "everywhere"
        return f"{self.entity.type} {self.entity.name or self.entity.id or '(unnamed)'}"

    @property
    def severity(self) -> Severity:
        """Its danger at present: low while it has no effect."""
        return Severity.LOW if self.inactive_because else self.danger

    @property
    def note(self) -> str:
        """The end of a message about a permission that has no effect at present."""
        return f"; no effect at present: {self.inactive_because}" if self.inactive_because else ""


@dataclass(frozen=True)
class PolicyContext:
    """Settings and time of one evaluation."""

    settings: Settings
    now: datetime

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """Built-in incidents and those of the settings."""
        return known(self.settings)


def active(credential: Credential) -> Inspection | None:
    """The inspection if the Hub accepts the credential, else None."""
    inspection = credential.inspection
    return inspection if inspection is not None and inspection.status == "active" else None


def exposed(credential: Credential) -> bool:
    """Whether it was found outside the places where its owner stores it."""
    return any(location.source not in _OWNER_PLACES for location in credential.locations)


def uncommitted(credential: Credential) -> bool:
    """Whether it was found only in staged changes, so that no commit has it yet."""
    return bool(credential.locations) and all(location.source == "staged" for location in credential.locations)


UNCOMMITTED = (
    "Not committed yet: remove the value from the file, stage the file again, and read the credential from the "
    "environment or a secret store. Revoke it if anyone else has seen it."
)


def seen(credential: Credential) -> str:
    """The number of places it was found in, as text; sources that read the same file count once."""
    places = len({(location.target, location.path, location.member) for location in credential.locations})
    how = "staged, not committed yet," if uncommitted(credential) else "found"
    return f"{how} in {count(places, 'place')}"


def effective_permissions(inspection: Inspection) -> Iterator[EffectivePermission]:
    """Every listed permission of a token, with its danger and the reason why it has no effect, if any."""
    for cut in effective(inspection):
        entity = cut.grant.entity
        for permission in cut.grant.permissions:
            inactive_because = cut.note if permission not in cut.permissions else ""
            yield EffectivePermission(permission, entity, danger(permission, entity), inactive_because)
    for permission in inspection.global_permissions:
        yield EffectivePermission(permission, None, danger(permission, None))


class PermissionGroup(NamedTuple):
    """One permission on all entities where it has the same severity: the subject of one reason."""

    permission: str
    severity: Severity
    note: str
    where: str


def grouped(found: Iterable[EffectivePermission]) -> list[PermissionGroup]:
    """Permissions grouped by name, severity and note, so that a token with a thousand grants gets a short verdict."""
    places: dict[tuple[str, Severity, str], dict[str, None]] = {}
    for granted in found:
        places.setdefault((granted.permission, granted.severity, granted.note), {})[granted.where] = None
    return [
        PermissionGroup(name, severity, note, listed(list(where))) for (name, severity, note), where in places.items()
    ]
