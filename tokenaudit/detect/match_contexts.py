"""Find the fingerprints in data by the bytes around each match: of a file with many versions, few are different."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from tokenaudit.detect.decode.archives import is_tar
from tokenaudit.detect.decode.sqlite import is_sqlite
from tokenaudit.detect.limits import MIB, Limits
from tokenaudit.detect.patterns import LONGEST_SHAPE
from tokenaudit.detect.plugins import Find
from tokenaudit.detect.prefilter import Prefilter
from tokenaudit.interfaces import MatchContext
from tokenaudit.secret import fingerprint

LEFT = 64
"""Bytes before a hit that are passed to a plugin: enough for an escape before it."""

_LARGEST = 1 * MIB
_MOST_HITS = 64
_LEAST_WORK, _LEAST_EVIDENCE = 10_000_000_000, 200_000
"""Limits that data of `_LARGEST` bytes can't reach, even if they consist of copies of the same few contexts."""

_MOST_KNOWN = 20_000
"""Contexts to remember: about 5 MB."""


class MatchContexts:
    """Finds the contexts of matches, and remembers digests of contexts with their fingerprints."""

    def __init__(self, prefilter: Prefilter, finds: Callable[[], Sequence[Find]], limits: Limits) -> None:
        """Configure it as a scan with the same arguments. `finds` returns the functions of plugins of this project."""
        self._prefilter = prefilter
        self._finds = finds
        self._most_surroundings = prefilter.reach - LONGEST_SHAPE
        self._is_limited = limits.work < _LEAST_WORK or limits.evidence < _LEAST_EVIDENCE or limits.places < 1
        self._known: dict[tuple[bytes, int, int], frozenset[str]] = {}

    def find(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """Return the context of every match; empty if a scan finds nothing in `data`.

        Return None if contexts don't decide what a scan finds, or whether it reports anything else.
        """
        if self._is_limited or self._is_read_whole(data):
            return None
        hits = self._prefilter.hits(data, _MOST_HITS)
        if len(hits) == _MOST_HITS:
            return None
        found: dict[MatchContext, None] = {}
        for start, end, pattern in hits:
            surroundings = self._prefilter.patterns[pattern].surroundings
            if surroundings is None or surroundings > self._most_surroundings:
                return None
            low = max(0, start - LEFT)
            found[self._context(data[low : end + surroundings], start - low, end - low)] = None
        return tuple(found)

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """Return what `find` returns for `data` that were made from data with `contexts`.

        They must contain no match within the reach of the prefilter around what is new in them.
        """
        if self._is_limited or self._is_read_whole(data):
            return None
        return tuple(context for context in contexts if context.data in data)

    def _is_read_whole(self, data: bytes) -> bool:
        return len(data) > _LARGEST or is_tar(data) or is_sqlite(data)

    def _context(self, data: bytes, start: int, end: int) -> MatchContext:
        """Return the context `data`, in which the evidence is `data[start:end]`."""
        key = (hashlib.blake2b(data, digest_size=16).digest(), start, end)
        known = self._known.get(key)
        if known is None:
            text = data.decode("latin-1")
            values = {each.value for find in self._finds() for each in find(text) if start <= each.start < end}
            known = frozenset(map(fingerprint, values))
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = known
        return MatchContext(data, known)
