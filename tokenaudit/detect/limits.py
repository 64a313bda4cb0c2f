"""Limits of decoding; each limit that is reached is reported."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits for one input and everything decoded from it. Each limit that is reached adds a reason to `skipped`.

    `depth`: levels of nesting. `size`: total decoded bytes. `ratio`: maximum ratio of decoded to encoded size (any
    content can expand to 16 MiB). `entries`: total archive members. `evidence`: hits per text. `work`: total estimated
    time in nanoseconds of an ordinary processor; it is computed from steps, not measured, so every run has the same
    result. `places`: listed positions per credential; further ones are only counted.
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
"""Nanoseconds per decoded byte."""


class Budget:
    """Remaining allowance for everything decoded from one input. Each limit that is reached adds one reason.

    The budget does not depend on a clock: the same bytes always reach the same limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reasons: dict[str, None] = {}
        self._size = limits.size
        self._entries = limits.entries
        self._work = limits.work

    @property
    def left(self) -> int:
        """Decoded bytes that the size limit still allows."""
        return max(0, self._size)

    def skip(self, reason: str) -> None:
        """Record that some content could not be read. `reason` can be long and contain any characters."""
        self.reasons[reason] = None

    def spend(self, size: int) -> bool:
        """Account for `size` decoded bytes; return whether size and work limits allow them."""
        self._size -= size
        if self._size < 0:
            self.skip(f"decoding stopped at the limit of {self.limits.size // MIB} MiB")
        return self._size >= 0 and self.work(size * _BYTE)

    def work(self, nanoseconds: int) -> bool:
        """Account for an operation before it runs; return whether the work limit allows it."""
        self._work -= nanoseconds
        if self._work < 0:
            self.skip("decoding stopped at the work limit; the rest was not read")
        return self._work >= 0

    def entry(self) -> bool:
        """Account for one archive member; return whether it can be read."""
        self._entries -= 1
        if self._entries < 0:
            self.skip(f"decoding stopped at the limit of {self.limits.entries} archive members")
        return self._entries >= 0 and self.work(_MEMBER)

    def grows_too_much(self, what: str, size: int, out_of: int) -> bool:
        """Return whether `out_of` bytes expanded to more than the ratio allows; report it if so."""
        bomb = size > max(_ALWAYS_ALLOWED, out_of * self.limits.ratio)
        if bomb:
            self.skip(f"{what} expands to more than {self.limits.ratio} times its size; the rest was not read")
        return bomb


_MEMBER = 100_000
"""Nanoseconds to open an archive member."""
