"""The Hub's fixed-window rate limit, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.hub.routes import refusal
from tests.hub.server import Request, Response


class Limit:
    """Stands before the routes; counts what it let through and what it refused."""

    def __init__(
        self, routes: Callable[[Request], Response], quota: int, window: float, clock: Callable[[], float]
    ) -> None:
        self._routes = routes
        self.quota = quota
        self.window = window
        self._clock = clock
        self._ends = clock() + window
        self._used = 0
        self.answered = 0
        self.refused = 0

    @property
    def headers(self) -> Mapping[str, str]:
        """What every answer says of the window."""
        left = max(self.quota - self._used, 0)
        return {
            "RateLimit": f'"api";r={left};t={max(int(self._ends - self._clock()), 0)}',
            "RateLimit-Policy": f'"fixed window";"api";q={self.quota};w={int(self.window)}',
        }

    def __call__(self, request: Request) -> Response:
        """The answer, or a 429 once the window is used up."""
        if self._clock() >= self._ends:
            self._used, self._ends = 0, self._clock() + self.window
        if self._used >= self.quota:
            self.refused += 1
            return refusal(429, "Too Many Requests")
        self._used += 1
        self.answered += 1
        return self._routes(request)
