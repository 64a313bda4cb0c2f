"""Progress of a sweep."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from tokenaudit.hub.rate_limit import RateLimitWindow
from tokenaudit.inventory.model import Outcome
from tokenaudit.sweep.config import Task
from tokenaudit.text import count

_RECENT = 20.0
"""Seconds over which speeds are averaged."""


class ProgressDisplay(Protocol):
    """Displays the progress of a sweep."""

    def watch(self, sweep_progress: SweepProgress) -> None:
        """Start displaying `sweep_progress`, which can be read from any thread at any time."""

    def note(self, message: str) -> None:
        """Print a one-line message."""


class NullDisplay:
    """A `ProgressDisplay` that shows nothing."""

    def watch(self, sweep_progress: SweepProgress) -> None:
        """Do nothing."""

    def note(self, message: str) -> None:
        """Do nothing."""


class SweepProgress:
    """Counters of a running sweep. One thread writes; any thread can read.

    Args:
        tasks: all tasks, including those completed by an interrupted run of this sweep.
        known: fingerprints of credentials previously found, by place key.
        done: keys of the places that an interrupted run of this sweep has read.
        meter: what this process has read. Objects of `remote` tasks are added when the tasks are done.
        window: the latest rate limit of the Hub known to this process.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        known: Mapping[str, AbstractSet[str]],
        done: AbstractSet[str],
        meter: ReadCounter,
        window: Callable[[], RateLimitWindow | None],
        *,
        remote: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.repositories = sum(task.is_repository for task in tasks)
        self.repositories_done = 0
        self.credentials = {mark for key in done for mark in known.get(key, ())}
        self._known, self._meter, self._own_window, self._remote, self._clock = known, meter, window, remote, clock
        self._left, self._done = len(tasks), 0
        self._begun = clock()
        self._from = (meter.objects, meter.bytes)
        self._elsewhere = (0, 0)
        self._samples = deque([(self._begun, 0, 0)])
        self._last_window: tuple[float, RateLimitWindow] | None = None

    def skip(self, task: Task) -> None:
        """Count `task` as completed by an interrupted run of this sweep."""
        self._left -= 1
        self.repositories_done += task.is_repository

    def done(self, task: Task, outcomes: Sequence[Outcome], window: RateLimitWindow | None) -> None:
        """Count `task` as completed, here or elsewhere; `window` is the rate limit window of its worker."""
        self._left -= 1
        self._done += 1
        self.repositories_done += task.is_repository
        for outcome in outcomes:
            if outcome.unchanged or outcome.failed:
                self.credentials |= self._known.get(outcome.place.key, frozenset())
            elif self._remote:
                self._elsewhere = (self._elsewhere[0] + outcome.objects, self._elsewhere[1] + outcome.bytes)
            self.credentials |= {c.fingerprint for c in outcome.credentials if c.likelihood == "credential"}
        if self._remote and window is not None:
            self._last_window = (self._clock(), window)

    @property
    def objects(self) -> int:
        """The number of objects read so far."""
        return self._meter.objects - self._from[0] + self._elsewhere[0]

    @property
    def bytes(self) -> int:
        """The number of bytes read so far."""
        return self._meter.bytes - self._from[1] + self._elsewhere[1]

    @property
    def window(self) -> RateLimitWindow | None:
        """The rest of the Hub's latest rate limit window; None if unknown or over."""
        if self._last_window is None:
            return self._own_window()
        when, window_then = self._last_window
        seconds = window_then.seconds - (self._clock() - when)
        return RateLimitWindow(window_then.left, seconds) if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds for the remaining tasks at the average speed; None before any is done."""
        if self._left == 0:
            return 0.0
        return (self._clock() - self._begun) / self._done * self._left if self._done else None

    def speed(self) -> tuple[float, float]:
        """Return objects and bytes per second, over the last seconds."""
        now = (self._clock(), self.objects, self.bytes)
        while len(self._samples) > 1 and now[0] - self._samples[1][0] >= _RECENT:
            self._samples.popleft()
        then = self._samples[0]
        if now[0] - self._samples[-1][0] >= 1:
            self._samples.append(now)
        spent = max(now[0] - then[0], 0.001)
        return (now[1] - then[1]) / spent, (now[2] - then[2]) / spent

    def average(self) -> tuple[float, float]:
        """Return objects and bytes per second, over the whole sweep."""
        spent = max(self._clock() - self._begun, 0.001)
        return self.objects / spent, self.bytes / spent


class ReadCounter:
    """A `Progress` that only counts. Shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.objects = self.bytes = 0

    def start(self, what: str, total: int | None = None) -> None:
        """Do nothing: stages of single places are not displayed."""

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self.objects += objects
            self.bytes += size

    def note(self, message: str) -> None:
        """Do nothing: messages about a place are part of its outcome."""


_MINUTE, _HOUR = 60, 3600


def how_far(sweep_progress: SweepProgress) -> str:
    """Return repositories done and total, and the remaining time."""
    done = f"{sweep_progress.repositories_done:,} of {sweep_progress.repositories:,} repositories"
    return f"{done}, {_left(sweep_progress.seconds_left)}"


def figures(sweep_progress: SweepProgress, speed: tuple[float, float]) -> str:
    """Return speed (objects and bytes per second), credentials found, and the rest of the Hub's rate limit."""
    objects, size = speed
    credentials = f"{count(len(sweep_progress.credentials), 'credential')} found"
    return f"{objects:,.0f} objects/s, {size / 1_000_000:,.1f} MB/s, {credentials}, {_requests(sweep_progress)}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "remaining time unknown"
    if seconds <= 0:
        return "nothing left"
    if seconds < _MINUTE:
        return f"about {max(seconds, 1):.0f} s left"
    if seconds < _HOUR:
        return f"about {seconds / _MINUTE:.0f} min left"
    return f"about {seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min left"


def _requests(sweep_progress: SweepProgress) -> str:
    window = sweep_progress.window
    if window is None:
        return "requests left: unknown"
    minutes, seconds = divmod(round(window.seconds), _MINUTE)
    rest = f"{minutes}:{seconds:02}"
    if window.left == 0:
        return f"rate limit reached: resets in {rest}"
    return f"{window.left:,} request{'' if window.left == 1 else 's'} left for {rest}"
