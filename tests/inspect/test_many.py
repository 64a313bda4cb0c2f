"""Thousands of credentials at the Hub's own pace: one question each, flat memory, stopped and continued."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.inspector import DiskCache
from tokenaudit.model import Inspection
from tokenaudit.secret import Secret

MANY = 1000
QUOTA, WINDOW = 50, 300


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def date(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=timezone.utc) + timedelta(seconds=self.now / 100)


class Recorder:
    """A progress that remembers what a bar with an ETA needs to know."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0
        self.notes = 0

    def start(self, what: str, total: int | None = None) -> None:
        assert what
        self.total = total

    def advance(self, objects: int = 1, size: int = 0) -> None:
        assert size == 0
        self.done += objects

    def note(self, message: str) -> None:
        assert "waiting" in message
        self.notes += 1


@pytest.fixture
def secrets(hub_double: HubDouble) -> list[tuple[str, Secret]]:
    mint = Mint(14)
    body = bodies.one_model_read(orgs=[bodies.org()])
    return [("user_token", Secret(hub_double.knows(mint.user_token(), body))) for _ in range(MANY)]


def test_thousands_are_asked_once_each_at_the_hubs_pace_and_memory_stays_flat(
    hub_double: HubDouble, secrets: list[tuple[str, Secret]], tmp_path: Path
) -> None:
    clock, progress = Clock(), Recorder()
    limit = hub_double.limits(QUOTA, WINDOW, clock)
    hub = Hub(hub_double.endpoint, clock=clock, sleep=clock.sleep)

    def run() -> Iterator[tuple[str, Inspection]]:
        cache = DiskCache(tmp_path / "cache.sqlite")
        return inspect_credentials(secrets, hub, now=clock.date, cache=cache, progress=progress)

    stopped = run()
    assert sum(1 for _ in islice(stopped, MANY // 4)) == MANY // 4
    del stopped
    assert limit.answered == MANY // 4
    progress.done = 0
    tracemalloc.start()
    used = []
    for number, (_, inspection) in enumerate(run()):
        assert inspection.status == "active"
        if number % (MANY // 4) == MANY // 4 - 1:
            hub_double.requests.clear()
            gc.collect()
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert limit.answered == MANY
    assert limit.refused == 0
    assert (progress.total, progress.done) == (MANY, MANY)
    assert progress.notes == MANY // QUOTA - 1
    assert clock.now >= (MANY // QUOTA - 1) * WINDOW
    assert used[-1] - used[1] < 200_000
