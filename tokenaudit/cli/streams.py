"""Standard input, output and error of the command: never closed, and without credentials in what is printed."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Literal, TextIO

from tokenaudit.redaction import mask_shapes
from tokenaudit.text import inert, wrapped

_USUAL_WIDTH = 80


def fitted(message: str) -> str:
    """`message` for standard error: in lines as wide as the terminal, broken at blanks; one line elsewhere."""
    if not sys.stderr.isatty():
        return message
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # not a terminal of this system
        width = 0
    return wrapped(message, width or _USUAL_WIDTH)


def open_closed() -> None:
    """Puts something in the place of closed streams, so that no other file ever gets their numbers.

    Reading then finds nothing, messages are lost, and writing a report fails as on any file that can't be written.
    """
    if sys.stdin is None:
        sys.stdin = _null(os.O_RDONLY, "r")
    if sys.stdout is None:
        sys.stdout = _null(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _null(os.O_WRONLY, "w")


class ReaderGoneError(Exception):
    """The reader of standard output has closed it, as `head` does: there is nobody to say more to.

    Not an `OSError`, which typer would end the process for.
    """


class MaskedStream(TextIOWrapper):
    """Standard output as everybody finds it in `sys`: libraries, warnings, logs and tracebacks included."""

    def __init__(self, stream: TextIOWrapper) -> None:
        self._opened = stream  # which closes what is below when nothing refers to it any more
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors="backslashreplace",
            newline="",  # the same bytes on every system; CSV brings its own line ends
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        """Writes `text` without credentials and without commands to a CI system's log."""
        try:
            super().write(inert(mask_shapes(text)))
        except OSError as error:
            self.failed(error)
        return len(text)

    def flush(self) -> None:
        """See `TextIOWrapper`.

        Raises:
            ReaderGoneError: nobody reads it anymore.
        """
        try:
            super().flush()
        except OSError as error:
            self.failed(error)

    def failed(self, error: OSError) -> None:
        """What to do where the stream can't be written.

        Raises:
            ReaderGoneError: nobody reads it anymore.
            OSError: another error.
        """
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError from None
        raise error

    def close(self) -> None:
        """Does not close the underlying stream: it belongs to the caller."""
        if not self.closed:
            self.flush()


class MessageStream(MaskedStream):
    """Standard error. A message that can't be written is lost, and stops nothing: a rotation goes on to its end."""

    def failed(self, error: OSError) -> None:
        """See `MaskedStream`: nothing, as there is no place left to report it."""


def guard() -> None:
    """From now on nothing that is printed anywhere in this process shows a credential."""
    sys.stdout = _guarded(sys.stdout, MaskedStream)
    sys.stderr = _guarded(sys.stderr, MessageStream)


def _guarded(stream: TextIO, guarded: type[MaskedStream]) -> TextIO:
    if isinstance(stream, MaskedStream) or not isinstance(stream, TextIOWrapper):
        return stream  # a host program's own stream
    stream.flush()
    return guarded(stream)


def _null(flags: int, mode: Literal["r", "w"]) -> TextIOWrapper:
    return os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8")


def settle() -> None:
    """Flushes stdout for the last time; what can't be written is dropped, so that Python does not complain at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ReaderGoneError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
