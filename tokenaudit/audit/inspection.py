"""Asking the Hub about what was gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tokenaudit.audit.aggregate import Gathered
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import Cache, inspect_credentials
from tokenaudit.inspect.access_check import NamedRepo, prove
from tokenaudit.inspect.reach import Level, reach
from tokenaudit.model import Inspection
from tokenaudit.sources.interface import Progress


@dataclass(frozen=True)
class Questions:
    """Who is asked, and how much.

    Args:
        hub: asked about each unique credential once.
        cache: remembers answers for a short while; None asks everything anew.
        level: how much of each live credential's reach is counted.
        repos: repositories in which each live credential's access is proven.
    """

    hub: Hub
    cache: Cache | None = None
    level: Level = "none"
    repos: Sequence[NamedRepo] = ()

    def answers(self, gathered: Gathered, now: Callable[[], datetime], progress: Progress) -> dict[str, Inspection]:
        """An inspection for every likely credential, by fingerprint; live ones get their reach in `gathered`.

        Raises:
            ConfigurationError: the cache can't be used.
        """
        asked = [
            (credential.kind, gathered.secrets[mark])
            for mark, credential in gathered.credentials.items()
            if credential.likelihood == "credential"
        ]
        inspections = dict(inspect_credentials(asked, self.hub, now=now, cache=self.cache, progress=progress))
        live = [mark for mark, inspection in inspections.items() if inspection.status == "active"]
        if live and (self.level != "none" or self.repos):
            progress.start("counting what they reach", len(live))
            for mark in live:
                secret = gathered.secrets[mark]
                measured = reach(inspections[mark], secret, self.hub, self.level)
                if self.repos:
                    measured = prove(secret, self.hub, self.repos, measured)
                gathered.credentials[mark] = replace(gathered.credentials[mark], reach=measured)
                progress.advance()
        return inspections
