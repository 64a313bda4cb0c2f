"""One loop for requests that are sent again after a failure that can pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from tokenaudit.hub.circuit_breaker import CircuitBreaker, refused_by_breaker
from tokenaudit.hub.rate_limit import RateLimiter
from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result

Attempt: TypeAlias = Callable[[], tuple[Result, Mapping[str, str]]]
"""Sends a request once: what came of it, and the response's headers by lower-case name (none without a response)."""

_MOST_ATTEMPTS: Mapping[ErrorKind, int] = {"unreachable": 2, "timeout": 2}
_LONG_ATTEMPT = 15.0
"""Seconds that an attempt took in vain after which no second one is made."""


def send_with_retries(
    attempt: Attempt,
    rate_limiter: RateLimiter,
    breaker: CircuitBreaker,
    where: str,
    note: Callable[[str], None] | None = None,
) -> Result:
    """Calls `attempt` until it succeeds, fails for good, or patience is used up.

    Args:
        attempt: sends the request.
        rate_limiter: what the server said of its rate limit; decides how long to wait, and how often to try.
        breaker: whether the server answers at all.
        where: the server, for messages.
        note: told of waits of a second or more.
    """
    if not breaker.admits():
        return refused_by_breaker(where)
    started = rate_limiter.clock()
    answer = _Sending(attempt, rate_limiter, breaker, where, note).run()
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
    ) -> None:
        self._attempt, self._rate_limiter, self._breaker, self._where, self._note = (
            attempt,
            rate_limiter,
            breaker,
            where,
            note,
        )
        self._attempts = 0
        self._waited = 0.0

    def run(self) -> Result:
        retry_policy = self._rate_limiter.retry_policy
        while True:
            pending = self._rate_limiter.pending()
            if pending > retry_policy.longest_wait or self._waited + pending > retry_policy.total_wait:
                message = f"the rate limit is used up for {pending:.0f} seconds"
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
        most = min(retry_policy.attempts, _MOST_ATTEMPTS.get(failure.trouble, retry_policy.attempts))
        # A rate limit is the answer of a server that is well: it is always worth waiting for.
        if failure.trouble != "limited" and self._breaker.is_suspicious:
            most = 1
        if failure.trouble not in TRANSIENT or self._attempts >= most or took > _LONG_ATTEMPT:
            return False
        return pause <= retry_policy.longest_wait and self._waited + pause <= retry_policy.total_wait

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            if self._note is not None and seconds >= 1:
                self._note(f"waiting {seconds:.0f} s before asking {self._where} again")
            self._rate_limiter.sleep(seconds)
            self._waited += seconds
