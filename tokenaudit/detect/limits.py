"""How far unwrapping goes before it stops and says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds for one piece of bytes and everything inside it. Each one that is hit becomes a reason in `skipped`.

    `depth`: wrappings inside each other. `size`: bytes that may come out of all unwrapping together. `ratio`: how many
    times larger than what holds it something may become (small things may always grow to 16 MiB). `entries`: archive
    members in all. `evidence`: places in one text that are looked at more closely. `seconds`: processor time spent in
    all, so that a busy machine changes no result.
    """

    depth: int = 8
    size: int = 1024 * MIB
    ratio: int = 2000
    entries: int = 20_000
    evidence: int = 500_000
    seconds: float = 8.0


_ALWAYS_ALLOWED = 16 * MIB
_PROCESSORS = os.cpu_count() or 1


class Budget:
    """Shared by everything that is unwrapped from one piece of bytes. Each limit that is hit adds one reason."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.process_time) -> None:
        self.limits = limits
        self.reasons: dict[str, None] = {}
        self._clock = clock
        self._started = clock()
        # All processors together can't have spent the limit before this; asking for processor time costs far more than
        # asking what time it is.
        self._soonest = time.perf_counter() + limits.seconds / _PROCESSORS if clock is time.process_time else 0.0
        self._size = limits.size
        self._entries = limits.entries

    def skip(self, reason: str) -> None:
        """Notes that something could not be looked into; the reason can be long and hold anything."""
        self.reasons[reason] = None

    def spend(self, size: int) -> bool:
        """Whether `size` more bytes may come out, and whether there is time for them."""
        self._size -= size
        if self._size < 0:
            self.skip(f"unwrapping stopped at its limit of {self.limits.size // MIB} MiB")
        return self._size >= 0 and not self.late()

    def late(self) -> bool:
        """Whether the time is over."""
        if time.perf_counter() < self._soonest:
            return False
        over = self._clock() - self._started > self.limits.seconds
        if over:
            self.skip(f"unwrapping stopped at its limit of {self.limits.seconds:g} seconds")
        return over

    def entry(self) -> bool:
        """Whether one more archive member may be looked into."""
        self._entries -= 1
        if self._entries < 0:
            self.skip(f"unwrapping stopped at its limit of {self.limits.entries} archive members")
        return self._entries >= 0 and not self.late()

    def grows_too_much(self, what: str, size: int, out_of: int) -> bool:
        """Whether `out_of` bytes have become suspiciously many."""
        bomb = size > max(_ALWAYS_ALLOWED, out_of * self.limits.ratio)
        if bomb:
            self.skip(f"{what} grows to more than {self.limits.ratio} times its size; the rest was not read")
        return bomb
