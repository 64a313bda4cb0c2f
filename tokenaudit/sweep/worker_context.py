"""What the tasks of one process share: a way to the Hub, the auditor's token, detectors, inspections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit

from tokenaudit.ci.names import Names
from tokenaudit.detect import Detector
from tokenaudit.hub.client import Hub
from tokenaudit.hub.repo_listing import Repository
from tokenaudit.secret import Secret
from tokenaudit.sweep.config import Setup
from tokenaudit.sweep.inspection_cache import Inspecting
from tokenaudit.sweep.meter import Meter

_lock = threading.Lock()
_idle: dict[tuple[Path, ...], list[Detector]] = {}
_shops: dict[Setup, Workshop] = {}


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(timezone.utc)


class Workshop:
    """One per process and setup. Its `hub` is shared by all threads, so that one pacer keeps all of them in bounds."""

    def __init__(self, setup: Setup, hub: Hub | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self.setup = setup
        self.hub = hub or Hub(setup.endpoint, own_token=setup.own_token)
        self.now = now
        self.inspecting = Inspecting(self.hub if setup.inspect else None, now)
        self.names = Names(setup.secret_names)
        self.meter = Meter()

    @cached_property
    def secret(self) -> Secret | None:
        """The auditor's own token.

        Raises:
            ConfigurationError: it is there but can't be read.
        """
        own = self.hub.own
        return own.secret if own is not None else None

    @contextmanager
    def examiner(self) -> Iterator[Detector]:
        """A detector for this thread alone: they are not shared while they examine, and take long to make."""
        with _lock:
            idle = _idle.setdefault(self.setup.plugins, [])
            detector = idle.pop() if idle else Detector.load(self.setup.plugins)
        try:
            yield detector
        finally:
            with _lock:
                idle.append(detector)

    def git_url(self, repository: Repository) -> str:
        """The address of a repository's git remote, with the auditor's token as the password.

        Never shown, stored or pickled; `sources.clone` hands the password to git through its environment.
        """
        parts = urlsplit(self.hub.endpoint)
        user = f"tokenaudit:{quote(self.secret.reveal(), safe='')}@" if self.secret is not None else ""
        return f"{parts.scheme}://{user}{parts.netloc}{parts.path}/{repository.page}"


def workshop(setup: Setup) -> Workshop:
    """This process's workshop for `setup`."""
    with _lock:
        if setup not in _shops:
            _shops[setup] = Workshop(setup)
        return _shops[setup]


def install(shop: Workshop) -> None:
    """Makes `shop` this process's workshop for its setup."""
    with _lock:
        _shops[shop.setup] = shop
