"""What reading a file for needs gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tokenaudit.model import Certainty, Entity, Evidence


@dataclass(frozen=True)
class Needs:
    """What one file was seen to need, and the reasons for whatever part of it could not be read.

    Never complete: a need that is not here was not seen, which does not mean that it does not exist.
    """

    evidence: tuple[Evidence, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Need:
    """One permission that one call or command needs, before it is known where that stands."""

    permission: str
    entity: Entity | None = None
    certainty: Certainty = "needed"

    def at(self, path: str, line: int, what: str) -> Evidence:
        """The need as evidence."""
        return Evidence(self.permission, self.certainty, path, line, what, self.entity)

    def doubted(self) -> Need:
        """The same need, no longer certain."""
        return replace(self, certainty="perhaps")


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """`evidence` in order of line, without repetitions."""
    return tuple(sorted(dict.fromkeys(evidence), key=lambda e: (e.line or 0, e.need, str(e.entity))))


def merged(parts: Iterable[Needs]) -> Needs:
    """Several readings as one."""
    found = list(parts)
    return Needs(
        unique(e for p in found for e in p.evidence), tuple(dict.fromkeys(s for p in found for s in p.skipped))
    )
