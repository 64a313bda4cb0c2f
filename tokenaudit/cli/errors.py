"""The one place where errors become exit codes."""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import typer

from tokenaudit import exit_codes
from tokenaudit._version import __version__
from tokenaudit.cli import logs, streams
from tokenaudit.cli.output import emit
from tokenaudit.errors import AuditError, UsageError
from tokenaudit.redaction import mask
from tokenaudit.text import did_you_mean, one_line, visible

# typer keeps click's classes in a place of its own since 0.26 and in click before; the family tree is the same.
_CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]
_INTERRUPTED = "interrupted; run the same command again to resume"
_CLICK_HINT = re.compile(r" ?\(Possible options?: [^)]*\)| Did you mean --[^ ]*\?$")
_CHOICE = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>.+)")


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Runs `app` and turns every outcome into an exit code and at most a few lines on stderr."""
    streams.open_closed()
    streams.guard()
    signal.signal(signal.SIGTERM, functools.partial(_interrupt, os.getpid()))
    try:
        return _run(app, arguments)
    finally:
        logs.stop()
        streams.settle()


def _run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    try:
        code = typer.main.get_command(app).main(
            args=None if arguments is None else list(arguments), prog_name="tokenaudit", standalone_mode=False
        )
        emit("")  # what typer wrote, such as the help, may not have left yet
    except (KeyboardInterrupt, typer.Abort):
        say(_INTERRUPTED)
        return exit_codes.INTERRUPTED
    except AuditError as error:
        say(f"error: {error}")
        return exit_codes.USAGE
    except BrokenPipeError:
        return exit_codes.INCOMPLETE  # the reader went away (`| head`): there is nobody to say more to
    except _CommandLineError as error:
        return _usage(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug must not print a traceback with values
        return _lost(error) if isinstance(error, OSError) else _bug(error)
    if code == exit_codes.INTERRUPTED:  # newer versions of typer make a quiet exit of an interrupt
        say(_INTERRUPTED)
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
    """Prints one line on stderr: credentials masked, control and invisible characters escaped."""
    sys.stderr.write(f"tokenaudit: {visible(mask(message))}\n")


def ask(question: str) -> str:
    """The line that the user types in answer to `question`, which can have several lines itself."""
    sys.stderr.write("\n".join(visible(line) for line in mask(question).split("\n")))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _usage(error: Exception) -> int:
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    # Where no command was given, the "message" is the whole help: it belongs on the screen as it is. With panels typer
    # has printed it by now, and asking for it once more would print it again: so the error is known by its name.
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{message}\n" if message else "")  # our own help, in lines
        return exit_codes.USAGE
    command = context.command_path if context is not None else "tokenaudit"
    line = " ".join(_CLICK_HINT.sub("", str(message)).replace("Value error, ", "").split()).rstrip(".")
    hint = _suggestion(error, line)
    end = "" if line.endswith("?") else hint.replace("; did", ". Did") or "."
    say(f"error: {line}{end} See '{command} --help'.")
    return exit_codes.USAGE


def _suggestion(error: Exception, message: str) -> str:
    """What was probably meant: an option, or one of the values that an option takes."""
    context = getattr(error, "ctx", None)
    mistyped = getattr(error, "option_name", None)
    if mistyped and context is not None and type(error).__name__ == "NoSuchOption":
        names = [name for one in context.command.get_params(context) for name in one.opts if name.startswith("--")]
        after = "; options of a command follow its name." if context.parent is None else ""
        return did_you_mean(mistyped, names) or after
    wrong = _CHOICE.search(message)
    return did_you_mean(wrong["given"], re.findall(r"'([^']+)'", wrong["known"])) if wrong is not None else ""


def _bug(error: Exception) -> int:
    """Names the error's type, its text without credentials, and where it came from; never the values of variables."""
    say(f"internal error: {type(error).__name__}: {one_line(error, 200)}")
    frames = [
        f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    say(f"this is a bug in tokenaudit {__version__}; please report these names: {' > '.join(frames[-6:])}")
    return exit_codes.INCOMPLETE


def _interrupt(process: int, number: int, _frame: FrameType | None) -> None:
    """Interrupts `process`. Workers that a library forked from it, such as those of detect-secrets, just end."""
    if os.getpid() != process:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    raise KeyboardInterrupt
