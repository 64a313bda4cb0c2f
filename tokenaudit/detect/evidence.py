"""The search for evidence that drives detection.

Every pattern spans a bounded number of bytes, so a searcher that sees data in pieces needs only `Prefilter.width`
bytes of overlap. `examine` follows evidence and nothing else; that makes `may_hold` an exact superset of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from tokenaudit.detect.patterns import Pattern

Engine: TypeAlias = Literal["auto", "re"]


class Hit(NamedTuple):
    """One piece of evidence: `data[start:end]` matched `patterns[pattern]`."""

    start: int
    end: int
    pattern: int


class Prefilter:
    """Searches bytes for evidence: with Hyperscan where it is installed, with `re` elsewhere, with the same answers.

    `width` is the most bytes that one piece of evidence spans. Cheap to pickle; compiled on first use. With
    `everything`, all data count as evidence: some plugin doesn't say what it looks for.
    """

    def __init__(self, patterns: Iterable[Pattern], *, everything: bool = False, engine: Engine = "auto") -> None:
        self.patterns = tuple(patterns)
        self.everything = everything
        self.width = max((each.width for each in self.patterns), default=1)
        self._engine = engine
        self._exact: dict[int, re.Pattern[bytes]] = {}

    def __reduce__(self) -> tuple[Callable[..., Prefilter], tuple[object, ...]]:
        return _rebuilt, (self.patterns, self.everything, self._engine)

    def may_hold(self, data: bytes) -> bool:
        """Whether there is any evidence in `data`. False means that `examine` would find nothing in it."""
        if self.everything:
            return bool(data)
        return self._scan(data, lambda index, end: next(self._matches(data, index, end), None) is not None)

    def hits(self, data: bytes) -> list[Hit]:
        """All evidence in `data`, in order of where it starts."""
        scouted: set[tuple[int, int]] = set()

        def note(index: int, end: int) -> bool:
            scouted.add((index, end))
            return False

        self._scan(data, note)
        return sorted({hit for index, end in scouted for hit in self._matches(data, index, end)})

    def _matches(self, data: bytes, index: int, end: int) -> Iterator[Hit]:
        """Exact matches near where a scout of that pattern ended."""
        width = self.patterns[index].width
        for found in self._compiled(index).finditer(data, max(0, end - width), end + width):
            yield Hit(found.start(), found.end(), index)

    def _compiled(self, index: int) -> re.Pattern[bytes]:
        """Compiled when first needed: most never are."""
        if index not in self._exact:
            self._exact[index] = re.compile(self.patterns[index].expression, re.DOTALL)
        return self._exact[index]

    def _scan(self, data: bytes, seen: Callable[[int, int], bool]) -> bool:
        """Calls `seen` with pattern and end of each scout's match until it says True; whether it did."""
        if self._hyperscan is None:
            return any(
                seen(index, found.end()) for index, scout in enumerate(self._scouts) for found in scout.finditer(data)
            )
        database, terminated = self._hyperscan
        try:
            database.scan(data, match_event_handler=lambda index, _, end, *__: seen(index, end))
        except terminated:
            return True
        return False

    @cached_property
    def _scouts(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(each.scout, re.DOTALL) for each in self.patterns)

    @cached_property
    def _hyperscan(self) -> tuple[Any, type[Exception]] | None:
        if self._engine == "re":
            return None
        try:
            import hyperscan  # noqa: PLC0415 - not on every platform, and slow to import
        except ImportError:
            return None
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[each.scout for each in self.patterns],
            ids=list(range(len(self.patterns))),
            flags=[hyperscan.HS_FLAG_DOTALL] * len(self.patterns),
        )
        return database, hyperscan.ScanTerminated


def _rebuilt(patterns: tuple[Pattern, ...], everything: bool, engine: Engine) -> Prefilter:  # noqa: FBT001 - pickle
    return Prefilter(patterns, everything=everything, engine=engine)
