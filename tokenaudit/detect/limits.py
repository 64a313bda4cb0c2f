"""How far unwrapping goes before it stops and says so."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds for one piece of bytes and everything inside it. Each one that is hit becomes a reason in `skipped`.

    `depth`: wrappings inside each other. `size`: bytes that may come out of all unwrapping together. `ratio`: how many
    times larger than what holds it something may become (small things may always grow to 16 MiB). `entries`: archive
    members in all. `evidence`: places in one text that are looked at more closely. `work`: an estimate of the time
    spent in all, in nanoseconds of an ordinary processor; it counts steps, not time: every run gives the same answer.
    `places`: places of one credential that are listed, one by one; further ones are counted.
    """

    depth: int = 8
    size: int = 1024 * MIB
    ratio: int = 2000
    entries: int = 20_000
    evidence: int = 500_000
    work: int = 20_000_000_000
    places: int = 100


_ALWAYS_ALLOWED = 16 * MIB
_BYTE = 2
"""Nanoseconds for a byte that comes out of something."""


class Budget:
    """Shared by everything that is unwrapped from one piece of bytes. Each limit that is hit adds one reason.

    Nothing here depends on a clock: the same bytes always reach the same limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reasons: dict[str, None] = {}
        self._size = limits.size
        self._entries = limits.entries
        self._work = limits.work

    def skip(self, reason: str) -> None:
        """Notes that something could not be looked into; the reason can be long and hold anything."""
        self.reasons[reason] = None

    def spend(self, size: int) -> bool:
        """Whether `size` more bytes may come out, and whether there is work left for them."""
        self._size -= size
        if self._size < 0:
            self.skip(f"decoding stopped at the limit of {self.limits.size // MIB} MiB")
        return self._size >= 0 and self.work(size * _BYTE)

    def work(self, nanoseconds: int) -> bool:
        """Whether that much more may be done. Whoever does something that takes time says about how much first."""
        self._work -= nanoseconds
        if self._work < 0:
            self.skip("decoding stopped at the work limit; the rest was not read")
        return self._work >= 0

    def entry(self) -> bool:
        """Whether one more archive member may be looked into."""
        self._entries -= 1
        if self._entries < 0:
            self.skip(f"decoding stopped at the limit of {self.limits.entries} archive members")
        return self._entries >= 0 and self.work(_MEMBER)

    def grows_too_much(self, what: str, size: int, out_of: int) -> bool:
        """Whether `out_of` bytes have become suspiciously many."""
        bomb = size > max(_ALWAYS_ALLOWED, out_of * self.limits.ratio)
        if bomb:
            self.skip(f"{what} expands to more than {self.limits.ratio} times its size; the rest was not read")
        return bomb


_MEMBER = 100_000
"""Nanoseconds to open an archive member."""
