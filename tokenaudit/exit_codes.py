"""Exit codes of the commands, and how findings decide between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenaudit.model import Severity

CLEAN = 0
FOUND = 1
USAGE = 2
INCOMPLETE = 3
INTERRUPTED = 130
"""As shells report a process that SIGINT ended."""


def exit_code(found: Iterable[Severity], fail_on: Severity | None, *, complete: bool) -> int:
    """`FOUND` for a severity of at least `fail_on` (None: never), else `INCOMPLETE` if not `complete`, else `CLEAN`."""
    if fail_on is not None and any(severity.rank >= fail_on.rank for severity in found):
        return FOUND
    return CLEAN if complete else INCOMPLETE
