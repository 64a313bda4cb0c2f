"""How fast to ask: the Hub's `RateLimit` headers before a 429, patience with a bound after one.

Source: hub-docs rate-limits.md: `RateLimit: "api";r=<remaining>;t=<seconds to reset>`. A 429 with `r > 0` comes from
one of the limits that are not published, so its `t` says nothing.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_LIMIT = re.compile(r'"[^"]{1,40}"\s*;\s*r\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})')
_WHOLE_SECONDS = re.compile(r"\d{1,9}")
_ROUNDING = 1.0


def window_left(headers: Mapping[str, str]) -> float:
    """Seconds until a used-up window resets; 0 where something remains of it, or nothing is said."""
    limit = _LIMIT.search(headers.get("ratelimit", ""))
    return int(limit[2]) + _ROUNDING if limit and int(limit[1]) == 0 else 0.0


@dataclass(frozen=True)
class RateLimitWindow:
    """What the Hub said last of its limit: `left` requests may go within the next `seconds`."""

    left: int
    seconds: float


@dataclass(frozen=True)
class RetryPolicy:
    """How often one question is asked and how long, in seconds, it may wait: once, and in all."""

    attempts: int = 4
    longest_wait: float = 330.0
    total_wait: float = 700.0
    first_backoff: float = 1.0


@dataclass
class RateLimiter:
    """Keeps one address from asking faster than the Hub allows; `clock` and `sleep` count in seconds."""

    retry_policy: RetryPolicy
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_at: float = 0.0
    _left: int = 0
    _resets_at: float = float("-inf")

    @property
    def window(self) -> RateLimitWindow | None:
        """What is left of the window the Hub last told of; None where it told of none, or that one is over."""
        seconds = self._resets_at - self.clock()
        return RateLimitWindow(self._left, seconds) if seconds > 0 else None

    def pending(self) -> float:
        """Seconds until the next request may go."""
        return max(self.free_at - self.clock(), 0.0)

    def saw(self, headers: Mapping[str, str]) -> None:
        """Learns from any response: with nothing remaining, the next request waits for the window to reset."""
        limit = _LIMIT.search(headers.get("ratelimit", ""))
        if limit:
            self._left, self._resets_at = int(limit[1]), self.clock() + int(limit[2])
        left = window_left(headers)
        if left:
            self.free_at = max(self.free_at, self.clock() + left)

    def backoff(self, attempt: int, headers: Mapping[str, str]) -> float:
        """Seconds to wait after the `attempt`th failure: the window, else `Retry-After`, else doubling with jitter."""
        waited = _WHOLE_SECONDS.fullmatch(headers.get("retry-after", "").strip())
        if self.pending() > 0:
            return self.pending()
        if waited:
            return float(waited.group()) + random.random()  # noqa: S311 - jitter, not cryptography
        return self.retry_policy.first_backoff * 2.0 ** (attempt - 1) * (1 + random.random())  # noqa: S311 - as above
