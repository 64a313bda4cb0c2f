"""Rate limits: the Hub's `RateLimit` headers before a 429, bounded waits after one.

Source: hub-docs rate-limits.md: `RateLimit: "api";r=<remaining>;t=<seconds to reset>`. A 429 with `r > 0` comes from
one of the unpublished limits, so its `t` does not apply.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result

_LIMIT = re.compile(r'"[^"]{1,40}"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})')
_WHOLE_SECONDS = re.compile(r"\d{1,9}")
_ROUNDING = 1.0


def window_left(headers: Mapping[str, str]) -> float:
    """Return seconds until an exhausted window resets; 0 if requests remain or there is no such header."""
    limit = _LIMIT.search(headers.get("ratelimit", ""))
    return int(limit[2]) + _ROUNDING if limit and int(limit[1]) == 0 else 0.0


class RateLimitWindow(NamedTuple):
    """The latest rate limit of the Hub: `left` requests are allowed within the next `seconds`."""

    left: int
    seconds: float


class RetryPolicy(NamedTuple):
    """Maximum number of attempts of a request, and its maximum single and total wait in seconds."""

    attempts: int = 4
    longest_wait: float = 330.0
    total_wait: float = 700.0
    first_backoff: float = 1.0


@dataclass
class RateLimiter:
    """Keeps requests to one endpoint within the Hub's rate limit; `clock` and `sleep` use seconds."""

    retry_policy: RetryPolicy
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_at: float = 0.0
    _left: int = 0
    _resets_at: float = float("-inf")

    @property
    def window(self) -> RateLimitWindow | None:
        """Return the rest of the last known rate limit window; None if unknown or over."""
        seconds = self._resets_at - self.clock()
        return RateLimitWindow(self._left, seconds) if seconds > 0 else None

    def pending(self) -> float:
        """Return seconds until the next request is allowed."""
        return max(self.free_at - self.clock(), 0.0)

    def saw(self, headers: Mapping[str, str]) -> None:
        """Record the headers of any response: if none remain, the next request waits for the window to reset."""
        limit = _LIMIT.search(headers.get("ratelimit", ""))
        if limit:
            self._left, self._resets_at = int(limit[1]), self.clock() + int(limit[2])
        left = window_left(headers)
        if left:
            self.free_at = max(self.free_at, self.clock() + left)

    def backoff(self, attempt: int, headers: Mapping[str, str]) -> float:
        """Return seconds to wait after failure `attempt`: the window, else `Retry-After`, else doubling with jitter."""
        waited = _WHOLE_SECONDS.fullmatch(headers.get("retry-after", "").strip())
        if self.pending() > 0:
            return self.pending()
        if waited:
            return float(waited.group()) + random.random()  # noqa: S311 - jitter, not cryptography
        return self.retry_policy.first_backoff * 2.0 ** (attempt - 1) * (1 + random.random())  # noqa: S311 - as above


Attempt: TypeAlias = Callable[[], tuple[Result, Mapping[str, str]]]
"""Sends a request once and returns its result and the response headers by lower-case name (none without a response)."""

_MOST_ATTEMPTS: Mapping[ErrorKind, int] = {"unreachable": 2, "timeout": 2}
_LONG_ATTEMPT = 15.0
"""Duration in seconds of a failed attempt after which there is no second one."""


def send_with_retries(
    attempt: Attempt,
    rate_limiter: RateLimiter,
    breaker: CircuitBreaker,
    where: str,
    note: Callable[[str], None] | None = None,
    retried: frozenset[ErrorKind] = TRANSIENT,
) -> Result:
    """Call `attempt` until it succeeds, fails permanently, or the retry policy is exhausted.

    Args:
        attempt: sends the request.
        rate_limiter: rate limit of the server; determines waits and number of attempts.
        breaker: circuit breaker of the server.
        where: the server, for messages.
        note: receives messages about waits of a second or more.
        retried: the kinds of failures after which it is called again.
    """
    if not breaker.admits():
        return refused_by_breaker(where)
    started = rate_limiter.clock()
    answer = _Sending(attempt, rate_limiter, breaker, where, note, retried).run()
    breaker.record(answer, started)
    return answer


class _Sending:
    """One request with its retries."""

    def __init__(
        self,
        attempt: Attempt,
        rate_limiter: RateLimiter,
        breaker: CircuitBreaker,
        where: str,
        note: Callable[[str], None] | None,
        retried: frozenset[ErrorKind],
    ) -> None:
        self._attempt, self._rate_limiter, self._breaker = attempt, rate_limiter, breaker
        self._where, self._note, self._retried = where, note, retried
        self._attempts = 0
        self._waited = 0.0

    def run(self) -> Result:
        retry_policy = self._rate_limiter.retry_policy
        while True:
            pending = self._rate_limiter.pending()
            if pending > retry_policy.longest_wait or self._waited + pending > retry_policy.total_wait:
                message = f"rate limit reached for {pending:.0f} seconds"
                return Failure("limited", 429, message, self._attempts)
            self._wait(pending)
            self._attempts += 1
            began = time.monotonic()
            answer, headers = self._attempt()
            self._rate_limiter.saw(headers)
            if isinstance(answer, Reply):
                return answer
            pause = self._rate_limiter.backoff(self._attempts, headers)
            if not self._again(answer, pause, time.monotonic() - began):
                return replace(answer, attempts=self._attempts)
            self._wait(pause)

    def _again(self, failure: Failure, pause: float, took: float) -> bool:
        retry_policy = self._rate_limiter.retry_policy
        most = min(retry_policy.attempts, _MOST_ATTEMPTS.get(failure.kind, retry_policy.attempts))
        # A rate limit is the response of a working server: it is always worth waiting for.
        if failure.kind != "limited" and self._breaker.is_suspicious:
            most = 1
        if failure.kind not in self._retried or self._attempts >= most or took > _LONG_ATTEMPT:
            return False
        return pause <= retry_policy.longest_wait and self._waited + pause <= retry_policy.total_wait

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            if self._note is not None and seconds >= 1:
                self._note(f"rate limit of {self._where}: waiting {seconds:.0f} s")
            self._rate_limiter.sleep(seconds)
            self._waited += seconds


_UNAVAILABLE = range(502, 505)


class CircuitBreaker:
    """Opens if a server can't be reached, or leaves several requests in a row without a response.

    An open circuit breaker allows only an occasional trial request. Any response closes it. A 500 or a malformed
    response can concern a single resource: it does not open the breaker, but while the latest request has failed,
    further ones are sent once, without retries. Thread-safe.

    Args:
        threshold: number of consecutive requests without a response that opens it.
        seconds: total duration of unanswered requests that also opens it.
        trial_after: seconds after which a trial is allowed.
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
        """Whether requests are rejected."""
        return self._next_trial is not None

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest request failed, so that further ones are not retried."""
        return self._failed > 0

    def admits(self) -> bool:
        """Return whether the next request can be sent."""
        with self._lock:
            if self._next_trial is None:
                return True
            if self._clock() < self._next_trial:
                return False
            self._next_trial = self._clock() + self._trial_after
            return True

    def record(self, answer: Result, started: float) -> None:
        """Record the result of a request sent at `started`, by the breaker's clock."""
        if isinstance(answer, Reply) or answer.kind in {"refused", "redirect", "oversized"}:
            self.reset()
            return
        if answer.kind in {"not-asked", "offline", "unavailable"}:
            return
        if answer.kind == "malformed" or (answer.kind == "server" and answer.status not in _UNAVAILABLE):
            with self._lock:
                self._failed += 1
            return
        with self._lock:
            self._since = self._since if self._unanswered else started
            lasting = answer.kind != "limited" and self._clock() - self._since >= self._seconds
        self.fail(at_once=lasting or answer.kind == "unreachable")

    def fail(self, *, at_once: bool = False) -> None:
        """Count a request without a response; with `at_once` it opens the breaker immediately."""
        with self._lock:
            self._failed += 1
            self._unanswered += 1
            if at_once or self._unanswered >= self._threshold:
                self._next_trial = self._clock() + self._trial_after

    def reset(self) -> None:
        """Close the breaker after a response."""
        with self._lock:
            self._failed = self._unanswered = 0
            self._next_trial = None


def refused_by_breaker(where: str) -> Failure:
    """Return the failure of a request that is not sent because the breaker of `where` is open."""
    return Failure("unavailable", None, f"not sent: {where} did not answer earlier requests; run again later", 0)
