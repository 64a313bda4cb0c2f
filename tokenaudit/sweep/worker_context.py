"""Reads the sources of a place, with the state that the tasks of one process share.

That state is the Hub client, the auditor's token, detectors and inspections. An `Outcome` holds no value.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from tokenaudit.audit.aggregate import Findings, gather
from tokenaudit.ci.model import Names
from tokenaudit.detect import Detector
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.inspect import inspect_credentials, may_answer_later
from tokenaudit.interfaces import Finding, Progress, ScanContext, Scanner
from tokenaudit.inventory.model import Outcome, PlaceRecord
from tokenaudit.model import Inspection, SecretName, Skipped
from tokenaudit.redaction import redacted
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found
from tokenaudit.sweep.config import SweepConfig
from tokenaudit.sweep.progress import ReadCounter

_lock = threading.Lock()
_idle: dict[tuple[Path, ...], list[Detector]] = {}
_contexts: dict[SweepConfig, WorkerContext] = {}


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


class WorkerContext:
    """Context per process and configuration. All threads share its `hub`, and so its rate limiter."""

    def __init__(self, setup: SweepConfig, hub: Hub | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self.setup = setup
        self.hub = hub or Hub(setup.endpoint, auditor_token=setup.auditor_token)
        self.now = now
        self.inspecting = InspectionCache(self.hub if setup.inspect else None, now)
        self.names = Names(setup.secret_names)
        self.meter = ReadCounter()

    @cached_property
    def secret(self) -> Secret | None:
        """The auditor's own token.

        Raises:
            ConfigurationError: the token exists but can't be read.
        """
        own = self.hub.own
        return own.secret if own is not None else None

    @contextmanager
    def scanner(self) -> Iterator[Detector]:
        """Yield a detector for this thread only: detectors are not thread-safe and slow to create."""
        with _lock:
            idle = _idle.setdefault(self.setup.plugins, [])
            detector = idle.pop() if idle else Detector.load(self.setup.plugins)
        try:
            yield detector
        finally:
            with _lock:
                idle.append(detector)

    def git_url(self, repository: HubRepository) -> str:
        """Return the URL of a repository's git remote, with the auditor's token as the password.

        Never displayed, stored or pickled; `sources.clone` passes the password to git through its environment.
        """
        parts = urlsplit(self.hub.endpoint)
        user = f"tokenaudit:{quote(self.secret.reveal(), safe='')}@" if self.secret is not None else ""
        return f"{parts.scheme}://{user}{parts.netloc}{parts.path}/{repository.page}"


def worker_context(setup: SweepConfig) -> WorkerContext:
    """Return this process's context for `setup`."""
    with _lock:
        if setup not in _contexts:
            _contexts[setup] = WorkerContext(setup)
        return _contexts[setup]


def install(context: WorkerContext) -> None:
    """Set `context` as this process's context for its configuration."""
    with _lock:
        _contexts[context.setup] = context


class InspectionCache:
    """Called with kinds and values, returns inspections by fingerprint. With `hub` None nothing is requested.

    Values stay in this process. The lock serializes requests to whoami, which has a separate, strict limit.
    """

    def __init__(
        self, hub: Hub | None, now: Callable[[], datetime], known: Mapping[str, Inspection] | None = None
    ) -> None:
        self._hub, self._now = hub, now
        self._known: dict[str, Inspection] = dict(known or {})
        self._lock = threading.Lock()

    def learn(self, known: Mapping[str, Inspection]) -> None:
        """Add the results of an interrupted run of this sweep; `unknown` ones are retried."""
        with self._lock:
            self._known.update(
                {fingerprint: inspection for fingerprint, inspection in known.items() if inspection.status != "unknown"}
            )

    def __call__(self, credentials: Sequence[tuple[str, Secret]]) -> dict[str, Inspection]:
        """Return the inspections of `credentials`."""
        if self._hub is None:
            return {}
        found: dict[str, Inspection] = {}
        with self._lock:
            for kind, secret in credentials:
                fingerprint = secret.fingerprint
                if fingerprint not in self._known:
                    inspection = dict(inspect_credentials([(kind, secret)], self._hub, now=self._now))[fingerprint]
                    self._known[fingerprint] = inspection
                found[fingerprint] = self._known[fingerprint]
        return found


class HubSource(Protocol):
    """Interface of the readers of a place: a `Source` whose findings can include names of secrets."""

    @property
    def target(self) -> str:
        """The name in reports."""

    @property
    def kind(self) -> str:
        """The kind, as one word."""

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield all findings, and the names of secrets and variables."""


class _WithoutNames:
    """A source as `gather` expects it; the names of secrets are collected separately."""

    def __init__(self, source: HubSource, kept: list[SecretName]) -> None:
        self.kind, self.target = source.kind, source.target
        self._source, self._findings = source, kept

    def findings(self, run: ScanContext) -> Iterator[Finding]:
        for found in self._source.findings(run):
            if isinstance(found, SecretName):
                self._findings.append(found)
            else:
                yield found


def collected(
    place: PlaceRecord,
    sources: Iterable[HubSource],
    scanner: Scanner,
    inspecting: InspectionCache,
    *,
    state: str | None,
    progress: Progress,
    known: frozenset[str] = frozenset(),
) -> Outcome:
    """Return the findings of `sources` as one outcome. A place without any readable content has failed.

    `state` is recorded only if the whole place was reached: a skipped part of it (an archive, a file above a limit)
    would be skipped again next time. A place that was skipped as a whole is retried, and one with a part or a whoami
    that failed for a reason that the next sweep might not meet.
    """
    kept: list[SecretName] = []
    run = ScanContext(scanner=scanner, jobs=1, progress=progress)
    findings = gather([_WithoutNames(source, kept) for source in sources], run)
    inspections = _inspections(findings, inspecting, known)
    failed_for_now = run.retry or any(map(may_answer_later, inspections.values()))
    whole = not (failed_for_now or any(gap.where == place.target for gap in findings.skipped))
    outcome = Outcome(
        place,
        state if whole else None,
        failed=bool(findings.skipped) and run.objects == 0 and not (findings.credentials or findings.problems or kept),
        credentials=tuple(findings.credentials.values()),
        problems=tuple(findings.problems),
        skipped=tuple(findings.skipped),
        secrets=tuple(kept),
        inspections=inspections,
        objects=sum(target.objects for target in findings.targets),
        bytes=sum(target.bytes for target in findings.targets),
    )
    return without_values(outcome, scanner, tuple(findings.secrets.values()))


def missed(place: PlaceRecord, reason: str) -> Outcome:
    """Return the outcome of a place that could not be read at all."""
    return Outcome(place, failed=True, skipped=(Skipped(place.target, f"{place.aspect}: {reason}"),))


def _inspections(findings: Findings, inspecting: InspectionCache, known: frozenset[str]) -> dict[str, Inspection]:
    asked = [
        (credential.kind, findings.secrets[fingerprint])
        for fingerprint, credential in findings.credentials.items()
        if credential.likelihood == "credential" and fingerprint not in known
    ]
    return inspecting(asked)


def without_values(outcome: Outcome, scanner: Scanner, secrets: Sequence[Secret] = ()) -> Outcome:
    """Return `outcome` with every value removed from its texts: those of `secrets`, and any detected in the texts.

    Results pass through this function before they reach the database or other processes.
    """
    del scanner  # every text is scanned, with all installed detectors
    return redacted(outcome, secrets)
