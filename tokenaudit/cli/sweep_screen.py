"""Progress of a sweep: a live display on a terminal, a line from time to time elsewhere, with the same numbers."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tokenaudit.cli.errors import say
from tokenaudit.redaction import mask
from tokenaudit.sweep.progress import figures, how_far
from tokenaudit.text import count, visible, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType
    from typing_extensions import Self

    from tokenaudit.sweep.progress import SweepProgress

_EVERY_SECONDS = 20.0
_BAR, _SHORTEST_BAR = 24, 4
"""Columns."""
_LISTING = "listing the namespace"


class PlainDisplay:
    """A `Screen` for CI logs: one line at the start, one every 20 seconds, one at the end, one for each note."""

    def __init__(self, *, quiet: bool, every: float = _EVERY_SECONDS) -> None:
        self._quiet, self._every = quiet, every
        self._over = threading.Event()
        self._teller = threading.Thread(target=self._tell, name="sweep-screen", daemon=True)
        self._sweep_progress: SweepProgress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._sweep_progress is not None:
            if self._teller.is_alive():  # an interrupt may come before it is started
                self._teller.join()
            speed = self._sweep_progress.average()
            self.note(
                f"{'swept' if kind is None else 'stopped'}: {how_far(self._sweep_progress)}; "
                f"{figures(self._sweep_progress, speed)}"
            )

    def watch(self, sweep_progress: SweepProgress) -> None:
        """Starts to print a line about `sweep_progress` from time to time."""
        self._sweep_progress = sweep_progress
        self.note(f"sweeping {count(sweep_progress.repositories, 'repository')}")
        self._teller.start()

    def note(self, message: str) -> None:
        """One line on stderr."""
        if not self._quiet:
            say(message)
            sys.stderr.flush()

    def _tell(self) -> None:
        while self._sweep_progress is not None and not self._over.wait(self._every):
            self.note(f"{how_far(self._sweep_progress)}; {figures(self._sweep_progress, self._sweep_progress.speed())}")


class LiveDisplay:
    """A `Screen` of two lines that are redrawn four times a second while it is entered."""

    def __init__(self, *, color: bool = True) -> None:
        self._sweep_progress: SweepProgress | None = None
        console = Console(stderr=True, no_color=None if color else True)
        self._live = Live(get_renderable=self._drawn, console=console, transient=True)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def watch(self, sweep_progress: SweepProgress) -> None:
        """From now on the lines tell of `sweep_progress`."""
        self._sweep_progress = sweep_progress

    def note(self, message: str) -> None:
        """A message above the live lines."""
        line = wrapped(visible(mask(message)), self._live.console.width)
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _drawn(self) -> RenderableType:
        sweep_progress = self._sweep_progress
        if sweep_progress is None:
            return Text(_LISTING)
        # The words are worth more than the bar, and a line that is too long is continued in the next one.
        words = Text(how_far(sweep_progress))
        room = min(_BAR, self._live.console.width - words.cell_len - 1)
        first = Table.grid(padding=(0, 1))
        done, total = sweep_progress.repositories_done, max(sweep_progress.repositories, 1)
        first.add_row(*([ProgressBar(total, done, width=room)] if room >= _SHORTEST_BAR else []), words)
        return Group(first, Text(figures(sweep_progress, sweep_progress.speed())))


def progress_display(*, quiet: bool, color: bool) -> LiveDisplay | PlainDisplay:
    """Live display if stderr is an interactive terminal, lines elsewhere, nothing with `--quiet`."""
    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return LiveDisplay(color=color) if live and not quiet else PlainDisplay(quiet=quiet)
