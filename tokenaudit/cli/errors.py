"""The one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tokenaudit import exit_codes
from tokenaudit._version import __version__
from tokenaudit.cli import logs, streams
from tokenaudit.cli.output import emit
from tokenaudit.errors import AuditError, UsageError
from tokenaudit.redaction import mask
from tokenaudit.text import one_line, visible

_INTERRUPTED = "interrupted; run the same command again to resume"


def run(command: Callable[[], object]) -> int:
    """Runs `command` and turns every outcome into an exit code and at most a few lines on stderr."""
    streams.open_closed()
    streams.guard()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(command)
    finally:
        logs.stop()
        streams.settle()


def _run(command: Callable[[], object]) -> int:
    try:
        code = command()
        emit("")  # what typer wrote, such as the help, may not have left yet
    except KeyboardInterrupt:
        say(_INTERRUPTED)
        return exit_codes.INTERRUPTED
    except AuditError as error:
        say(f"error: {error}")
        return exit_codes.USAGE
    except streams.ReaderGoneError:
        return exit_codes.INCOMPLETE  # `| head`: what it has not read was not reported
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug must not print a traceback with values
        return _lost(error) if isinstance(error, OSError) else _bug(error)
    return code if isinstance(code, int) else 0


def _lost(error: OSError) -> int:
    """What typer writes itself, such as the help, fails in its own words; what fails in ours has been said by then."""
    if any(frame.name == "echo" for frame in traceback.extract_tb(error.__traceback__)):
        say(f"error: can't write to stdout: {error.strerror}")
        return exit_codes.USAGE
    try:
        emit("")
    except UsageError as unwritten:
        say(f"error: {unwritten}")
        return exit_codes.USAGE
    return _bug(error)


def say(message: str) -> None:
    """Prints one message on stderr, in one line unless it is a terminal.

    Credentials are masked, control and invisible characters escaped.
    """
    sys.stderr.write(streams.fitted(f"tokenaudit: {visible(mask(message))}") + "\n")


def ask(question: str) -> str:
    """The line that the user types in answer to `question`, which can have several lines itself."""
    sys.stderr.write("\n".join(streams.fitted(visible(line)) for line in mask(question).split("\n")))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _bug(error: Exception) -> int:
    """Names the error's type, its text without credentials, and where it came from; never the values of variables."""
    say(f"internal error: {type(error).__name__}: {one_line(error, 200)}")
    frames = [
        f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    say(f"this is a bug in tokenaudit {__version__}; please report these names: {' > '.join(frames[-6:])}")
    return exit_codes.INCOMPLETE


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_workers_at_once() -> None:
    """Ends workers that a library forks, such as those of detect-secrets, on SIGTERM without a handler in Python.

    Python calls a handler between two instructions. A worker that begins to wait for a lock just before would never
    call it, and the process that ends its workers so would wait for it forever.
    """
    if signal.getsignal(signal.SIGTERM) is _interrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_workers_at_once)
