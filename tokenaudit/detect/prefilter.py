"""Prefilter: search bytes for evidence of credentials.

Every pattern has a bounded width, so data can be searched in pieces that overlap by `Prefilter.width` bytes. `scan`
reads only what the prefilter finds, so `may_contain` is true for everything in which `scan` finds a credential.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

from tokenaudit.detect.literals import MANY, Hit, LiteralPrefilter
from tokenaudit.detect.patterns import Pattern
from tokenaudit.interfaces import PrefilterResult

Engine: TypeAlias = Literal["auto", "literals", "re"]

_LITTLE = 32 << 10
"""Bytes to search literal by literal before Hyperscan is used. Compiling takes as long as searching 100 KB that way."""

_EACH = 128
"""Bytes to count in addition for each text: even in an empty one, each literal is searched for."""

_TRACE = 1
"""Unconfirmed matches of literal patterns to retain, so that `look` can return `TRACES`."""


_LARGEST_KEPT = 1 << 20
"""Maximum bytes of data to hold until others are searched."""

_LOOKED_BEHIND = 8
"""Maximum bytes before a match that its expression and its conditions read."""


class _Searched(NamedTuple):
    """Data, and the result of searching them completely."""

    data: bytes = b""
    candidates: tuple[tuple[int, int], ...] = ()


class Prefilter:
    """Searches bytes for evidence, with Hyperscan if installed, otherwise with `re`; the results are the same.

    Small data are searched literal by literal, which needs no preparation.

    `width` is the maximum length of a match in bytes, including what its conditions read. Bytes more than `reach` away
    from a byte of a match don't affect it. Instances are cheap to pickle and compile on first use. With `everything`,
    all data count as evidence, because a plugin has no literals.
    """

    def __init__(self, patterns: Iterable[Pattern], *, everything: bool = False, engine: Engine = "auto") -> None:
        self.patterns = tuple(patterns)
        self.everything = everything
        self.width = max((max(each.width, each.looked_at) for each in self.patterns), default=1)
        self.reach = self.width - 1 + _LOOKED_BEHIND
        self._engine = engine
        self._searched = 0
        self._exact: dict[int, re.Pattern[bytes]] = {}
        self._last = _Searched()

    def __reduce__(self) -> tuple[Callable[..., Prefilter], tuple[object, ...]]:
        return _rebuilt, (self.patterns, self.everything, self._engine)

    def prepare(self) -> None:
        """Compile the searcher for large data now instead of on first use."""
        self._searched = _LITTLE
        _ = self._hyperscan

    def may_contain(self, data: bytes) -> bool:
        """Return whether `data` contains evidence. If False, `scan` finds nothing in it."""
        return self.look(data) is PrefilterResult.EVIDENCE

    def look(self, data: bytes) -> PrefilterResult:
        """Return whether `data` contains evidence, only traces (matches of literal patterns), or neither."""
        if self.everything:
            return PrefilterResult.EVIDENCE if data else PrefilterResult.NOTHING
        candidates: list[tuple[int, int]] = []

        def confirmed() -> bool:
            found = any(self._is_reason(data, hit) for hit in self._matches(data, candidates))
            candidates[_TRACE:] = ()
            return found

        if self._scan(data, candidates, confirmed) or (candidates and confirmed()):
            return PrefilterResult.EVIDENCE
        return PrefilterResult.TRACES if candidates else PrefilterResult.NOTHING

    def with_evidence(self, data: bytes, starts: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return which entries of `data` contain evidence, and which only matches that evidence makes count.

        Entries begin at `starts`, with one byte between two that belongs to neither.
        """
        candidates: list[tuple[int, int]] = []
        self._scan(data, candidates, None)
        around: dict[int, list[tuple[int, int]]] = {}
        for pattern, end in candidates:
            first = bisect_right(starts, max(0, end - self.patterns[pattern].width)) - 1
            for place in range(max(0, first), bisect_right(starts, end)):
                around.setdefault(place, []).append((pattern, end - starts[place]))
        evidence: list[int] = []
        matches: list[int] = []
        for place in sorted(around):
            entry = data[starts[place] : starts[place + 1] - 1 if place + 1 < len(starts) else None]
            reasons = [self._is_reason(entry, hit) for hit in self._matches(entry, around[place])]
            if reasons:
                (evidence if any(reasons) else matches).append(place)
        return evidence, matches

    def hits(self, data: bytes, most: int | None = None) -> list[Hit]:
        """Return at most `most` hits in `data`, sorted by start; none if no hit is a reason to decode the data."""
        candidates: list[tuple[int, int]] = []
        self._scan(data, candidates, None)
        found = sorted(islice(self._matches(data, candidates), most))
        return found if len(found) == most or any(self._is_reason(data, hit) for hit in found) else []

    def _is_reason(self, data: bytes, hit: Hit) -> bool:
        is_reason = self.patterns[hit.pattern].is_reason
        return is_reason is None or is_reason(data, hit.start)

    def _matches(self, data: bytes, candidates: Iterable[tuple[int, int]]) -> Iterator[Hit]:
        """Yield exact matches around the candidates. Overlapping ranges are searched once, so the work is linear."""
        index = -1
        low = high = 0
        for pattern, end in sorted(candidates):
            width = self.patterns[pattern].width
            if pattern == index and end - width <= high:
                high = end + width
                continue
            yield from self._exact_matches(data, index, low, high)
            index, low, high = pattern, max(0, end - width), end + width
        yield from self._exact_matches(data, index, low, high)

    def _exact_matches(self, data: bytes, index: int, low: int, high: int) -> Iterator[Hit]:
        if index >= 0:
            check = self.patterns[index].check
            for found in self._compiled(index).finditer(data, low, high):
                if check is None or check(data, found.start()):
                    yield Hit(found.start(), found.end(), index)

    def _compiled(self, index: int) -> re.Pattern[bytes]:
        """Compile on first use: most expressions are never needed."""
        if index not in self._exact:
            self._exact[index] = re.compile(self.patterns[index].expression, re.DOTALL)
        return self._exact[index]

    def _scan(self, data: bytes, candidates: list[tuple[int, int]], enough: Callable[[], bool] | None) -> bool:
        """Add (pattern, end) of each match of a literal pattern; return whether `enough` stopped the search.

        An object with evidence is searched several times in a row, so the result of the last full search is kept.
        """
        last = self._last
        if data is last.data:
            candidates += last.candidates
            return False
        if enough is None and len(data) <= _LARGEST_KEPT:
            self._search(data, candidates, None)
            self._last = _Searched(data, tuple(candidates))
            return False
        return self._search(data, candidates, enough)

    def _search(self, data: bytes, candidates: list[tuple[int, int]], enough: Callable[[], bool] | None) -> bool:
        if self._is_little(data):
            return self._literals.search(data, candidates, enough)
        if self._hyperscan is not None:
            return self._hyperscan.search(data, candidates, enough)
        for index, literal_pattern in self._literal_patterns:
            for found in literal_pattern.finditer(data):
                candidates.append((index, found.end()))
                if enough is not None and len(candidates) >= MANY and enough():
                    return True
        return False

    def _is_little(self, data: bytes) -> bool:
        """Return whether the total data searched so far, including `data`, is too small to compile Hyperscan for."""
        if self._engine == "auto" and self._searched < _LITTLE:
            self._searched += len(data) + _EACH
            return self._searched < _LITTLE
        return self._engine == "literals"

    @cached_property
    def _literal_patterns(self) -> list[tuple[int, re.Pattern[bytes]]]:
        """Every literal pattern, with the index of its pattern."""
        return [
            (index, re.compile(literal_pattern.expression, re.DOTALL))
            for index, each in enumerate(self.patterns)
            for literal_pattern in each.literal_patterns
        ]

    @cached_property
    def _hyperscan(self) -> Searcher | None:
        if self._engine != "auto":
            return None
        return searcher_for(self._literal_prefilter(has_literals_only=False))

    @cached_property
    def _literals(self) -> LiteralPrefilter:
        return self._literal_prefilter(has_literals_only=True)

    def _literal_prefilter(self, *, has_literals_only: bool) -> LiteralPrefilter:
        each_of = ((index, each) for index, pattern in enumerate(self.patterns) for each in pattern.literal_patterns)
        return LiteralPrefilter(each_of, has_literals_only=has_literals_only)


def _rebuilt(patterns: tuple[Pattern, ...], everything: bool, engine: Engine) -> Prefilter:  # noqa: FBT001 - pickle
    return Prefilter(patterns, everything=everything, engine=engine)


class Searcher:
    """Finds literal patterns at memory speed. Not thread-safe."""

    def __init__(self, prefilter: LiteralPrefilter, database: Any, terminated: type[Exception]) -> None:  # noqa: ANN401 - untyped
        self._at = prefilter.candidates
        self._scan = database.scan
        self._terminated = terminated

    def search(self, data: bytes, candidates: list[tuple[int, int]], enough: Callable[[], bool] | None) -> bool:
        """Add (pattern, end) of each match of a literal pattern; return whether `enough` stopped the search."""
        at = self._at
        tried: set[tuple[int, int]] = set()

        def seen(number: int, _: int, end: int, __: int, ___: object) -> bool:
            found = at(data, number, end, tried)
            if not found:
                return False
            candidates.extend(found)
            return enough is not None and len(candidates) >= MANY and enough()

        try:
            self._scan(data, match_event_handler=seen)
        except self._terminated:
            return True
        return False


def searcher_for(prefilter: LiteralPrefilter) -> Searcher | None:
    """Return a searcher for all expressions of `prefilter`; None if Hyperscan is not installed."""
    try:
        import hyperscan  # noqa: PLC0415 - not on every platform, and slow to import
    except ImportError:
        return None
    expressions, literals = prefilter.expressions, len(prefilter.literals)
    # Where an expression looks around, Hyperscan then returns matches of a looser one.
    looser = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_PREFILTER
    flags = [hyperscan.HS_FLAG_DOTALL] * literals + [looser] * (len(expressions) - literals)
    # Unless the start of a match is asked for, Hyperscan builds a second matcher for texts of less than 70 bytes, which
    # takes a third of the time.
    if prefilter.replaced:
        flags[prefilter.replaced[0]] |= hyperscan.HS_FLAG_SOM_LEFTMOST
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=flags)
    _return_free_memory()
    return Searcher(prefilter, database, hyperscan.ScanTerminated)


def _return_free_memory() -> None:
    """Give free memory back to the system where the C library can: compiling needs 20 MB, the result 0.3 MB.

    A worker that is forked later would otherwise copy the pages as it reuses them.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - as above

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
