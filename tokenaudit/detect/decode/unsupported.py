"""Archives that can't be looked into: said, not passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenaudit.detect.budget import Budget
from tokenaudit.detect.decode.interface import Inner
from tokenaudit.detect.prefilter import Hit

_NAMES = {b"7z": "7-Zip", b"Ra": "RAR", b"\x04\x22": "LZ4"}


def report_closed(data: bytes, hits: Sequence[Hit], budget: Budget) -> Iterator[Inner]:
    """A reason for the archive that `data` is; nothing for the same bytes in the middle of something."""
    if hits[0].start == 0:
        budget.skip(f"{_NAMES[data[:2]]} archives can't be looked into")
    yield from ()
