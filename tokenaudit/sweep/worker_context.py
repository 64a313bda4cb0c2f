"""What the tasks of one process share: a way to the Hub, the auditor's token, detectors, inspections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit

from tokenaudit.ci.names import Names
from tokenaudit.detect import Detector
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.inspect import inspect_credentials
from tokenaudit.model import Inspection
from tokenaudit.secret import Secret
from tokenaudit.sweep.config import SweepConfig
from tokenaudit.sweep.progress import ReadCounter

_lock = threading.Lock()
_idle: dict[tuple[Path, ...], list[Detector]] = {}
_contexts: dict[SweepConfig, WorkerContext] = {}


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(timezone.utc)


class WorkerContext:
    """One per process and setup. Its `hub` is shared by all threads, so that one pacer keeps all of them in bounds."""

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
            ConfigurationError: it is there but can't be read.
        """
        own = self.hub.own
        return own.secret if own is not None else None

    @contextmanager
    def scanner(self) -> Iterator[Detector]:
        """A detector for this thread alone: they are not shared while they examine, and take long to make."""
        with _lock:
            idle = _idle.setdefault(self.setup.plugins, [])
            detector = idle.pop() if idle else Detector.load(self.setup.plugins)
        try:
            yield detector
        finally:
            with _lock:
                idle.append(detector)

    def git_url(self, repository: HubRepository) -> str:
        """The address of a repository's git remote, with the auditor's token as the password.

        Never shown, stored or pickled; `sources.clone` hands the password to git through its environment.
        """
        parts = urlsplit(self.hub.endpoint)
        user = f"tokenaudit:{quote(self.secret.reveal(), safe='')}@" if self.secret is not None else ""
        return f"{parts.scheme}://{user}{parts.netloc}{parts.path}/{repository.page}"


def worker_context(setup: SweepConfig) -> WorkerContext:
    """This process's workshop for `setup`."""
    with _lock:
        if setup not in _contexts:
            _contexts[setup] = WorkerContext(setup)
        return _contexts[setup]


def install(context: WorkerContext) -> None:
    """Makes `context` this process's workshop for its setup."""
    with _lock:
        _contexts[context.setup] = context


class InspectionCache:
    """Called with kinds and values, gives inspections by fingerprint. `hub` None asks nobody.

    Values stay in this process. The lock is what keeps the Hub's separate, strict limit of whoami.
    """

    def __init__(
        self, hub: Hub | None, now: Callable[[], datetime], known: Mapping[str, Inspection] | None = None
    ) -> None:
        self._hub, self._now = hub, now
        self._known: dict[str, Inspection] = dict(known or {})
        self._lock = threading.Lock()

    def learn(self, known: Mapping[str, Inspection]) -> None:
        """Takes over what an earlier part of this sweep was told; `unknown` is worth another try."""
        with self._lock:
            self._known.update(
                {mark: inspection for mark, inspection in known.items() if inspection.status != "unknown"}
            )

    def __call__(self, credentials: Sequence[tuple[str, Secret]]) -> dict[str, Inspection]:
        """The inspections of `credentials`."""
        if self._hub is None:
            return {}
        found: dict[str, Inspection] = {}
        with self._lock:
            for kind, secret in credentials:
                mark = secret.fingerprint
                if mark not in self._known:
                    inspection = dict(inspect_credentials([(kind, secret)], self._hub, now=self._now))[mark]
                    self._known[mark] = inspection
                found[mark] = self._known[mark]
        return found
