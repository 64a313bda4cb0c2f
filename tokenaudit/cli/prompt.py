"""What commands ask or wait for when stdin is a terminal."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from getpass import getpass
from typing import BinaryIO

from tokenaudit.cli.errors import say

if sys.platform != "win32":
    import termios

_WINDOWS = sys.platform == "win32"
_END = "Ctrl-Z and Enter" if _WINDOWS else "Ctrl-D"


def hidden_values() -> Iterator[str]:
    """The values that the user types or pastes, without echo, until an empty line or the end of input."""
    say("enter one value per line; they are not shown; an empty line ends the input")
    with _without_echo():
        while value := _line().strip():
            yield value


def _line() -> str:
    if _WINDOWS:
        return getpass("value: ")
    # getpass would discard the further lines of what is pasted.
    sys.stderr.write("value: ")
    sys.stderr.flush()
    line = sys.stdin.buffer.readline().decode("utf-8", "surrogateescape")
    sys.stderr.write("\n")
    return line


@contextlib.contextmanager
def _without_echo() -> Iterator[None]:
    if sys.platform == "win32":
        yield
    else:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def values_stream() -> BinaryIO:
    """Stdin, or what the user types without echo where that is a terminal: one value per line."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer
    return io.BytesIO("\n".join(hidden_values()).encode("utf-8", "surrogateescape"))


def announce(what: str, source: object = None) -> None:
    """Says that `what` is awaited, where `source` is stdin (None or `-`) and that is a terminal."""
    if (source is None or str(source) == "-") and sys.stdin.isatty():
        say(f"waiting for {what} on stdin: paste it and press {_END}, or press Ctrl-C and name a file")
