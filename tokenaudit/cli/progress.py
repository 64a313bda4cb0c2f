"""Progress for people: a bar with an ETA on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from tokenaudit.interfaces import NullProgress
from tokenaudit.redaction import mask
from tokenaudit.text import columns, shorten, visible, wrapped
from tokenaudit.text import size as amount

if TYPE_CHECKING:
    from typing_extensions import Self


_WIDE = 70
"""Columns of a terminal that has room for a bar next to the figures."""
_BAR = 12
_SHORTEST_NAME = 8
_MINUTE = 60


def progress_line(
    what: str, done: int, total: int | None, *, speed: float | None, size: float | None, left: float | None, width: int
) -> str:
    """What is read and how far, in at most `width` columns: the name is shortened, the figures never are.

    Figures that are wider have several lines.

    Args:
        what: what is read.
        done: objects read.
        total: their number where it is known; there can turn out to be more.
        speed: objects per second.
        size: bytes per second.
        left: estimated seconds for the rest.
        width: columns.
    """
    of = f"/{max(total, done):,}" if total is not None else ""
    rate = f"{speed:,.0f}/s" if speed is not None else "-/s"
    if size:
        rate += f" {amount(round(size))}/s"
    figures = f"{done:,}{of}  {rate}  {_clock(left)}"
    room = width - len(figures) - 2
    if room < _SHORTEST_NAME:
        return "\n".join(line.rstrip() for line in wrapped(figures, width, indent="").split("\n"))
    name, most = shorten(what, room), room
    while columns(name) > room:  # characters of two columns
        most -= (columns(name) - room + 1) // 2
        name = shorten(what, most)
    return f"{name}  {figures}"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-:--:-- left"
    minutes, rest = divmod(max(round(seconds), 0), _MINUTE)
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02}:{rest:02} left"


class TerminalProgress:
    """A `Progress` that draws one line on stderr for as long as it is entered."""

    def __init__(self, *, color: bool = True) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for rich
        from rich.progress import BarColumn, Progress, ProgressColumn, Task  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        console = Console(stderr=True, no_color=None if color else True)
        bar = console.width >= _WIDE
        width = console.width - (_BAR + 1 if bar else 0)

        class Figures(ProgressColumn):
            def render(self, task: Task) -> Text:
                elapsed = task.elapsed or 0.0
                line = progress_line(
                    task.description,
                    int(task.completed),
                    None if task.total is None else int(task.total),
                    speed=task.speed,
                    size=task.fields["bytes"] / elapsed if elapsed > 0 else None,
                    left=task.time_remaining,
                    width=width,
                )
                return Text(line, no_wrap=True)

        columns = [BarColumn(bar_width=_BAR), Figures()] if bar else [Figures()]
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("starting", total=None, bytes=0)
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
        self._task = self._bar.add_task(visible(mask(what)), total=total, bytes=0)

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """Moves the bar on."""
        self._bytes += size
        self._bar.update(self._task, advance=objects, bytes=self._bytes)

    def note(self, message: str) -> None:
        """A message above the bar."""
        line = wrapped(visible(mask(message)), self._bar.console.width)
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


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
