"""Hyperscan, set up for everything that detection looks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenaudit.detect.scouts import Lookout


class Searcher:
    """Finds scouts at memory speed. One thread at a time may use it."""

    def __init__(self, lookout: Lookout, database: Any, terminated: type[Exception]) -> None:  # noqa: ANN401 - untyped
        self._scouted = lookout.scouted
        self._scan = database.scan
        self._terminated = terminated
        self._data = b""

    def any_scout(self, data: bytes) -> bool:
        """Whether there is one in `data`."""
        self._data = data
        try:
            self._scan(data, match_event_handler=self._is_scout)
        except self._terminated:
            return True
        finally:
            self._data = b""
        return False

    def _is_scout(self, number: int, _: int, end: int, *__: object) -> bool:
        return bool(self._scouted(self._data, number, end))

    def each_scout(self, data: bytes, seen: Callable[[int, int], bool]) -> bool:
        """Calls `seen` with the pattern and the end of each one until it says True; whether it did."""
        scouted = self._scouted

        def handle(number: int, _: int, end: int, *__: object) -> bool:
            return any(seen(index, at) for index, at in scouted(data, number, end))

        try:
            self._scan(data, match_event_handler=handle)
        except self._terminated:
            return True
        return False


def searcher(lookout: Lookout) -> Searcher | None:
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
