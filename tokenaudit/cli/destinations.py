"""`--format NAME[=FILE]`: in which formats a command writes its result, and where to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from tokenaudit.cli.output import color_wanted, emit, width
from tokenaudit.errors import UsageError

D_contra = TypeVar("D_contra", contravariant=True)


class OutputDestination(NamedTuple):
    """A format and the file that it is written to; None for stdout."""

    format: str
    file: Path | None = None


def destinations(
    given: Sequence[OutputDestination] | None, output: Path | None = None, default: str = "text"
) -> tuple[OutputDestination, ...]:
    """Where each format goes: to its own file, else to `--output`, else to stdout.

    Raises:
        UsageError: two formats have one destination, or `--output` has no format.
    """
    chosen = list(given or [OutputDestination(default)])
    without_file = [one for one in chosen if one.file is None]
    if len(without_file) > 1:
        first, second = without_file[:2]
        message = (
            f"{first.format} and {second.format} would both be written to {output or 'stdout'}; "
            f"name a file for one of them: --format {second.format}=FILE"
        )
        raise UsageError(message)
    if output is not None and not without_file:
        message = "--output has no format to write, since each --format names its file; leave it out"
        raise UsageError(message)
    placed = tuple(one._replace(file=one.file or output) for one in chosen)
    files = [one.file.resolve() for one in placed if one.file is not None and not _is_device(one.file)]
    for file in files:
        if files.count(file) > 1:
            message = f"two formats would be written to {file}; name another file for one of them"
            raise UsageError(message)
    return placed


def _is_device(file: Path) -> bool:
    return file.exists() and not file.is_file()


def emit_each(
    placed: Sequence[OutputDestination], written: Callable[[OutputDestination], str], *, keep: bool = False
) -> None:
    """Writes what `written` gives for each destination. With `keep`, what a file can't take goes to stdout.

    Raises:
        UsageError: a file or stdout can't be written; the other destinations were.
    """
    failed: UsageError | None = None
    for destination in placed:
        text = written(destination)
        try:
            emit(text, destination.file)
        except UsageError as error:
            failed = failed or error
            if keep and destination.file is not None:
                emit(text)  # the disk is full, say: what took hours is not lost
    if failed is not None:
        raise failed


class Renderer(Protocol[D_contra]):
    """The `render` of a package of formats, such as `tokenaudit.report.changes`."""

    def __call__(self, document: D_contra, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002 - the option's name
        """The whole document in `format`, for a terminal with `color` and of `width` columns."""


def emit_rendered(
    placed: Sequence[OutputDestination], render: Renderer[D_contra], document: D_contra, *, no_color: bool
) -> None:
    """Writes `document` to each destination, with color and wrapped lines only on a terminal.

    Raises:
        UsageError: as in `emit_each`; what a file can't take went to stdout.
    """

    def written(to: OutputDestination) -> str:
        return render(document, to.format, color=color_wanted(to.file, no_color=no_color), width=width(to.file))

    emit_each(placed, written, keep=True)
