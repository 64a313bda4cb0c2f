"""Stops sending requests to a server that leaves them unanswered, so that it is found out once and not for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tokenaudit.hub.result import Failure, Reply, Result

_UNAVAILABLE = range(502, 505)


class CircuitBreaker:
    """Opens when a server can't be reached, or leaves several requests in a row without an answer.

    An open one admits no request but one now and then, as a trial. Any answer closes it. A server that fails with 500
    or answers something else than promised may do so for one resource only: that opens nothing, but while the latest
    request has failed each further one is sent once, without retries. Any thread may use it.

    Args:
        threshold: so many unanswered requests in a row open it.
        seconds: unanswered requests open it, too, where they have taken so long in all.
        trial_after: seconds after which a trial is admitted.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        threshold: int = 3,
        seconds: float = 25.0,
        trial_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold, self._seconds, self._trial_after, self._clock = threshold, seconds, trial_after, clock
        self._lock = threading.Lock()
        self._failed = self._unanswered = 0
        self._since = 0.0
        self._next_trial: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests are refused."""
        return self._next_trial is not None

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest request failed, so that further ones are not worth retries."""
        return self._failed > 0

    def admits(self) -> bool:
        """Whether the next request may be sent."""
        with self._lock:
            if self._next_trial is None:
                return True
            if self._clock() < self._next_trial:
                return False
            self._next_trial = self._clock() + self._trial_after
            return True

    def record(self, answer: Result, started: float) -> None:
        """Takes note of what came of a request that was sent at `started`, by the breaker's clock."""
        if isinstance(answer, Reply) or answer.trouble in {"refused", "redirect", "oversized"}:
            self.reset()
            return
        if answer.trouble in {"not-asked", "offline", "unavailable"}:
            return
        if answer.trouble == "malformed" or (answer.trouble == "server" and answer.status not in _UNAVAILABLE):
            with self._lock:
                self._failed += 1
            return
        with self._lock:
            self._since = self._since if self._unanswered else started
            lasting = answer.trouble != "limited" and self._clock() - self._since >= self._seconds
        self.fail(at_once=lasting or answer.trouble == "unreachable")

    def fail(self, *, at_once: bool = False) -> None:
        """Counts something left unanswered; with `at_once` it is enough to open."""
        with self._lock:
            self._failed += 1
            self._unanswered += 1
            if at_once or self._unanswered >= self._threshold:
                self._next_trial = self._clock() + self._trial_after

    def reset(self) -> None:
        """Closes it, as the server has answered."""
        with self._lock:
            self._failed = self._unanswered = 0
            self._next_trial = None


def refused_by_breaker(where: str) -> Failure:
    """The failure of a request that is not sent while the breaker of `where` is open."""
    return Failure("unavailable", None, f"not sent: {where} left earlier requests unanswered; run again later", 0)
