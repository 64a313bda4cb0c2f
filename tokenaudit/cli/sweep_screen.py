"""How far a sweep is: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.cli.progress import TerminalProgress

if TYPE_CHECKING:
    from typing_extensions import Self

    from tokenaudit.sources.interface import Progress

_EVERY_SECONDS = 20.0


class PlainProgress:
    """A `Progress` for CI logs: one line at the start, one every 20 seconds, one for each note."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._what, self._total = "", 0
        self._done = self._bytes = 0
        self._begun = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""

    def start(self, what: str, total: int | None = None) -> None:
        """A new stage."""
        self._what, self._total, self._done, self._bytes = what, total or 0, 0, 0
        self._begun = self._said = time.monotonic()
        self.note(f"{what}: {self._total} tasks")

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Counts, and says so now and then."""
        self._done += objects
        self._bytes += size
        now = time.monotonic()
        if now - self._said < _EVERY_SECONDS:
            return
        self._said = now
        spent = now - self._begun
        left = spent / self._done * (self._total - self._done) if self._done else 0.0
        speed = self._bytes / spent / 1_000_000
        self.note(f"{self._what}: {self._done} of {self._total}, {speed:.1f} MB/s, about {left / 60:.0f} min left")

    def note(self, message: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            line = "".join(c if c.isprintable() else "?" for c in message)
            sys.stderr.write(f"tokenaudit: {line}\n")
            sys.stderr.flush()


def screen(*, quiet: bool) -> AbstractContextManager[Progress]:
    """A bar where stderr is a terminal, plain lines elsewhere, nothing where nobody wants to be told."""
    return TerminalProgress() if sys.stderr.isatty() and not quiet else PlainProgress(quiet=quiet)
