"""Hyperscan, set up for everything that detection looks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenaudit.detect.literals import Lookout

MANY = 256
"""Matches of scouts that are noted before somebody looks whether they are evidence."""


class Searcher:
    """Finds scouts at memory speed. One thread at a time may use it."""

    def __init__(self, lookout: Lookout, database: Any, terminated: type[Exception]) -> None:  # noqa: ANN401 - untyped
        self._at = lookout.scouted
        self._scan = database.scan
        self._terminated = terminated
        self._data = b""
        self._scouted: list[tuple[int, int]] = []
        self._enough: Callable[[], bool] | None = None

    def search(self, data: bytes, scouted: list[tuple[int, int]], enough: Callable[[], bool] | None) -> bool:
        """Notes pattern and end of each scout's match; whether `enough`, asked when there are many, said to stop."""
        self._data, self._scouted, self._enough = data, scouted, enough
        try:
            self._scan(data, match_event_handler=self._seen)
        except self._terminated:
            return True
        finally:
            self._data, self._scouted = b"", []
        return False

    def _seen(self, number: int, _: int, end: int, *__: object) -> bool:
        found = self._at(self._data, number, end)
        if not found:
            return False
        self._scouted += found
        return self._enough is not None and len(self._scouted) >= MANY and self._enough()


def searcher_for(lookout: Lookout) -> Searcher | None:
    """A searcher for all of `lookout`; None where Hyperscan is not installed."""
    try:
        import hyperscan  # noqa: PLC0415 - not on every platform, and slow to import
    except ImportError:
        return None
    expressions = lookout.expressions
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=expressions,
        ids=list(range(len(expressions))),
        flags=[hyperscan.HS_FLAG_DOTALL] * len(expressions),
    )
    return Searcher(lookout, database, hyperscan.ScanTerminated)
