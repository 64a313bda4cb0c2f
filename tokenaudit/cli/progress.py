"""Progress for people: a bar with an ETA on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.interfaces import NullProgress
from tokenaudit.redaction import mask
from tokenaudit.text import visible

if TYPE_CHECKING:
    from typing_extensions import Self


class TerminalProgress:
    """A `Progress` that draws one bar on stderr for as long as it is entered."""

    def __init__(self, *, color: bool = True) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for rich
        from rich.progress import (  # noqa: PLC0415 - as above
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[read]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True, no_color=None if color else True),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, read="")
        self._bytes = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def start(self, what: str, total: int | None = None) -> None:
        """A new stage: the bar starts again."""
        self._bytes = 0
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(visible(mask(what)).translate(_BRACKETS), total=total, read="")

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Moves the bar on."""
        self._bytes += size
        self._bar.update(self._task, advance=objects, read=f"{self._bytes / 1_000_000:,.0f} MB")

    def note(self, message: str) -> None:
        """One line above the bar."""
        self._bar.console.print(visible(mask(message)), markup=False, highlight=False)


_BRACKETS = {ord("["): "(", ord("]"): ")"}
"""Which rich would take for markup."""


class SilentProgress(NullProgress):
    """A `Progress` for pipes and CI: messages only."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""


def progress(*, quiet: bool, color: bool = True) -> TerminalProgress | SilentProgress:
    """A bar where stderr is a terminal and --quiet is not set, else none."""
    return TerminalProgress(color=color) if sys.stderr.isatty() and not quiet else SilentProgress()
