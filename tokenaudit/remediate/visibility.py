"""Which of the repositories that code reads need no token at all: asked of the Hub without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import RepoType, visibility
from tokenaudit.model import Entity, Evidence, Visibility
from tokenaudit.remediate.permissions import READ

_KINDS: dict[str, RepoType] = {"model": "model", "dataset": "dataset", "space": "space"}
MOST = 50
"""How many repositories are asked about in one run; the rest stays unknown, and the advice says so."""


@dataclass
class Visibilities:
    """Asks about each repository once, anonymously, and stops after 50 of them."""

    hub: Hub
    _known: dict[Entity, Visibility | None] = field(default_factory=dict)

    def of(self, entity: Entity) -> Visibility | None:
        """What a stranger sees of a repository; None where that is not known."""
        kind = _KINDS.get(entity.type)
        if kind is None or not entity.name:
            return None
        if entity not in self._known:
            if len(self._known) >= MOST:
                return None
            seen, _ = visibility(self.hub, entity.name, kind)
            self._known[entity] = None if seen == "unknown" else seen
        return self._known[entity]


def with_visibility(evidence: Sequence[Evidence], of: Callable[[Entity], Visibility | None]) -> tuple[Evidence, ...]:
    """The same evidence, with what a stranger sees of each repository that is read."""
    return tuple(replace(e, visibility=of(e.entity)) if e.need == READ and e.entity else e for e in evidence)
