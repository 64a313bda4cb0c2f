"""What rules look at besides the credential itself, and what several of them ask alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tokenaudit.inspect.effective import effective
from tokenaudit.model import Credential, Entity, Inspection, Severity
from tokenaudit.permissions import danger
from tokenaudit.policy.settings import Incident, Settings, known
from tokenaudit.text import listed

CLASSIC_ROLES = frozenset({"read", "write", "god"})
_HELD = frozenset({"machine", "stdin", "environment", "keyring", "stored"})


@dataclass(frozen=True)
class EffectivePermission:
    """One permission on one entity (None: everywhere).

    `asleep` says why it has no effect as long as its owner's role or the organization's rules stay as they are.
    """

    permission: str
    entity: Entity | None
    danger: Severity
    asleep: str = ""

    @property
    def where(self) -> str:
        """The entity in words."""
        if self.entity is None:
            return "everywhere"
        return f"{self.entity.type} {self.entity.name or self.entity.id or '(unnamed)'}"

    @property
    def severity(self) -> Severity:
        """Its danger as things stand: low while it sleeps."""
        return Severity.LOW if self.asleep else self.danger

    @property
    def note(self) -> str:
        """Ends a message about a power that sleeps."""
        return f"; without effect for now, since {self.asleep}" if self.asleep else ""


@dataclass(frozen=True)
class PolicyContext:
    """Settings and time of one judgement."""

    settings: Settings
    now: datetime

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """Built-in incidents and the user's own."""
        return known(self.settings)


def active(credential: Credential) -> Inspection | None:
    """The inspection where the Hub accepts the credential."""
    inspection = credential.inspection
    return inspection if inspection is not None and inspection.status == "active" else None


def exposed(credential: Credential) -> bool:
    """Whether it was seen anywhere but where its owner keeps it."""
    return any(location.source not in _HELD for location in credential.locations)


def uncommitted(credential: Credential) -> bool:
    """Whether it was seen only in what is staged, so that no history has it yet."""
    return bool(credential.locations) and all(location.source == "staged" for location in credential.locations)


UNCOMMITTED = (
    "It is not committed yet: remove the value from the file, stage the file again, and read the credential from the "
    "environment or a secret store. Revoke it if anyone else has seen it."
)


def seen(credential: Credential) -> str:
    """In how many places it stands, in words; sources that saw the same file count once."""
    places = len({(location.target, location.path, location.member) for location in credential.locations})
    how = "staged, not committed yet," if uncommitted(credential) else "seen"
    return f"{how} in {places} place{'s' if places != 1 else ''}"


def powers(inspection: Inspection) -> Iterator[EffectivePermission]:
    """Every permission of a token that names them, each with its danger and what keeps it from having an effect."""
    for cut in effective(inspection):
        entity = cut.grant.entity
        for permission in cut.grant.permissions:
            asleep = cut.note if permission not in cut.permissions else ""
            yield EffectivePermission(permission, entity, danger(permission, entity), asleep)
    for permission in inspection.global_permissions:
        yield EffectivePermission(permission, None, danger(permission, None))


@dataclass(frozen=True)
class PermissionGroup:
    """One permission on all entities where it weighs the same: what one reason is about."""

    permission: str
    severity: Severity
    note: str
    where: str


def grouped(found: Iterable[EffectivePermission]) -> list[PermissionGroup]:
    """Powers folded by permission, weight and note, so that a token with a thousand grants gets a readable verdict."""
    places: dict[tuple[str, Severity, str], dict[str, None]] = {}
    for power in found:
        places.setdefault((power.permission, power.severity, power.note), {})[power.where] = None
    return [PermissionGroup(name, weight, note, listed(list(where))) for (name, weight, note), where in places.items()]
