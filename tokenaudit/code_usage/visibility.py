"""Asks the Hub which of the repositories that code reads are public. Offline runs do not import this module."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, visibility
from tokenaudit.model import Entity, Visibility

_KINDS: dict[str, GitRepoType] = {"model": "model", "dataset": "dataset", "space": "space"}
MOST = 50
"""Maximum number of repositories to look up in one run; the others stay unknown, and the advice says so."""


@dataclass
class Visibilities:
    """Asks about each repository once, anonymously, and stops after 50 of them."""

    hub: Hub
    _known: dict[Entity, Visibility | None] = field(default_factory=dict)

    def of(self, entity: Entity) -> Visibility | None:
        """The visibility of a repository without a token; None if unknown."""
        kind = _KINDS.get(entity.type)
        if kind is None or not entity.name:
            return None
        if entity not in self._known:
            if len(self._known) >= MOST:
                return None
            seen, _ = visibility(self.hub, entity.name, kind)
            self._known[entity] = None if seen == "unknown" else seen
        return self._known[entity]
