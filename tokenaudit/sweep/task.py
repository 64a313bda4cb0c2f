"""The unit of work: what one task reads, and what it needs to know of earlier sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokenaudit.hub.rate_limit import Window
from tokenaudit.hub.repo_listing import Repository
from tokenaudit.inventory.model import Outcome, Place


@dataclass(frozen=True)
class Task:
    """Some places that are read one after the other, mostly those of one repository.

    `states` are the versions read last, by place key; `known` the fingerprints that this sweep has asked the Hub about
    already. `full` says that nothing of what earlier sweeps noted may spare reading. `url` is that of a git repository
    that is not on the Hub; it must hold no password.
    """

    namespace: str
    places: tuple[Place, ...]
    repository: Repository | None = None
    owner: Literal["org", "user", "other"] = "other"
    mine: bool = False
    url: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    full: bool = False
    known: frozenset[str] = frozenset()

    @property
    def is_repository(self) -> bool:
        """Whether this is a repository or bucket rather than something that belongs to a namespace as a whole."""
        return self.repository is not None or self.url is not None

    @property
    def name(self) -> str:
        """For messages."""
        return self.repository.target if self.repository else self.url or self.namespace


@dataclass(frozen=True)
class Done:
    """What came of a task: an outcome a place, and what its process was last told of the Hub's limit."""

    outcomes: tuple[Outcome, ...]
    window: Window | None = None
