"""`tokenaudit inspect` as a chain: what is handed over, asked about, measured and judged, into a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tokenaudit.assess import report
from tokenaudit.audit import TOOL, Audit, utc_now
from tokenaudit.errors import UsageError
from tokenaudit.gather import Gathered
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import Cache, inspect_credentials
from tokenaudit.inspect.intake import Given, Handed
from tokenaudit.inspect.proof import NamedRepo, prove
from tokenaudit.inspect.reach import Level, reach
from tokenaudit.model import Credential, Inspection
from tokenaudit.policy import Settings
from tokenaudit.report.redact import redacted
from tokenaudit.sources.interface import Progress, Silence


@dataclass(frozen=True)
class Inquirer:
    """Everything an inspection needs besides the credentials.

    Args:
        hub: asked about each unique credential once.
        settings: the policy.
        cache: remembers answers for a short while; None asks everything anew.
        level: how much of each live credential's reach is counted.
        repos: repositories in which each live credential's access is proven.
        progress: told how far the inspection is.
        now: the clock.
    """

    hub: Hub
    settings: Settings = field(default_factory=Settings)
    cache: Cache | None = None
    level: Level = "none"
    repos: Sequence[NamedRepo] = ()
    progress: Progress = field(default_factory=Silence)
    now: Callable[[], datetime] = utc_now

    def inquire(self, handed: Iterable[Handed]) -> Audit:
        """Who each credential of `handed` is, what it may do, and whether that is too much.

        Raises:
            UsageError: nothing at all was handed over.
            ConfigurationError: the cache can't be used.
        """
        started_at = self.now()
        gathered = _gathered(handed)
        if not gathered.credentials and not gathered.skipped:
            message = "no credential was given; pipe them in, one a line, or name --env, --keyring or --stored"
            raise UsageError(message)
        inspections = self._inspections(gathered)
        self._measure(gathered, inspections)
        finished = report(gathered, inspections, self.settings, started_at=started_at, now=self.now, tool=TOOL)
        return Audit(redacted(finished, gathered.secrets.values()), gathered.secrets)

    def _inspections(self, gathered: Gathered) -> dict[str, Inspection]:
        asked = [
            (credential.kind, gathered.secrets[mark])
            for mark, credential in gathered.credentials.items()
            if credential.likelihood == "credential"
        ]
        return dict(inspect_credentials(asked, self.hub, now=self.now, cache=self.cache, progress=self.progress))

    def _measure(self, gathered: Gathered, inspections: dict[str, Inspection]) -> None:
        """Adds to each live credential how far it reaches."""
        live = [mark for mark, inspection in inspections.items() if inspection.status == "active"]
        if not live or (self.level == "none" and not self.repos):
            return
        self.progress.start("counting what they reach", len(live))
        for mark in live:
            secret = gathered.secrets[mark]
            measured = reach(inspections[mark], secret, self.hub, self.level)
            if self.repos:
                measured = prove(secret, self.hub, self.repos, measured)
            gathered.credentials[mark] = replace(gathered.credentials[mark], reach=measured)
            self.progress.advance()


def _gathered(handed: Iterable[Handed]) -> Gathered:
    """Unique credentials in the order they were given; of a value seen twice the likelier reading counts."""
    gathered = Gathered()
    for each in handed:
        if not isinstance(each, Given):
            gathered.skipped.append(each)
            continue
        detection = each.detection
        mark = detection.secret.fingerprint
        known = gathered.credentials.get(mark)
        if known is None or (known.likelihood != "credential" and detection.likelihood == "credential"):
            gathered.secrets[mark] = detection.secret
            gathered.credentials[mark] = Credential(
                mark, detection.kind, detection.secret.display, detection.likelihood, claims=detection.claims
            )
    return gathered
