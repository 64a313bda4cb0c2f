"""How far unwrapping goes before it stops and says so."""

from __future__ import annotations

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
