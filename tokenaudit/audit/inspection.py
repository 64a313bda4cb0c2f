"""Inspects found credentials on the Hub. Offline runs do not import this module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from tokenaudit.audit.aggregate import Findings
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_access import GitRepoType, visibility
from tokenaudit.inspect import Cache, inspect_credentials
from tokenaudit.inspect.reach import NamedRepo, ReachLevel, check_access, reach
from tokenaudit.interfaces import Progress
from tokenaudit.model import Entity, Inspection, Reach, Visibility
from tokenaudit.secret import Secret

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


@dataclass(frozen=True)
class InspectionOptions:
    """The Hub client and the extent of the inspection.

    Args:
        hub: inspects each unique credential once.
        cache: stores results for a short time; None disables caching.
        level: how much of each active credential's access is measured.
        repos: repositories where the access of each active credential is checked.
        jobs: number of credentials inspected concurrently.
    """

    hub: Hub
    cache: Cache | None = None
    level: ReachLevel = "none"
    repos: Sequence[NamedRepo] = ()
    jobs: int = 1

    def visibilities(self) -> Visibilities:
        """What tells which repositories are public."""
        return Visibilities(self.hub)

    def answers(self, findings: Findings, now: Callable[[], datetime], progress: Progress) -> dict[str, Inspection]:
        """Inspects every likely credential, by fingerprint; the access of active ones is measured in `findings`.

        Those that an ignore comment leaves out are inspected too: an active one must not go unnoticed.

        Raises:
            ConfigurationError: the cache can't be used.
        """
        asked = [
            (credential.kind, findings.secrets[fingerprint])
            for fingerprint, credential in {**findings.ignored, **findings.credentials}.items()
            if credential.likelihood == "credential"
        ]
        inspections = dict(
            inspect_credentials(asked, self.hub, now=now, cache=self.cache, progress=progress, jobs=self.jobs)
        )
        live = [
            fingerprint
            for fingerprint, inspection in inspections.items()
            if inspection.status == "active" and fingerprint in findings.credentials
        ]
        if live and (self.level != "none" or self.repos):
            progress.start("counting what they reach", len(live))
            with ThreadPoolExecutor(self.jobs) as pool:
                measured = pool.map(
                    lambda fingerprint: self._reach(inspections[fingerprint], findings.secrets[fingerprint]), live
                )
                for fingerprint, found in zip(live, measured, strict=True):
                    findings.credentials[fingerprint] = replace(findings.credentials[fingerprint], reach=found)
                    progress.advance()
        return inspections

    def _reach(self, inspection: Inspection, secret: Secret) -> Reach | None:
        measured = reach(inspection, secret, self.hub, self.level)
        return check_access(secret, self.hub, self.repos, measured) if self.repos else measured
