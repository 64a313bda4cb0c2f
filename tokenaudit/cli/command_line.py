"""Runs a command line that typer reads; errors in it are one line each."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial

import typer

from tokenaudit import exit_codes
from tokenaudit.cli.app import build
from tokenaudit.cli.errors import say
from tokenaudit.text import did_you_mean

# typer keeps click's classes in a place of its own since 0.26 and in click before; the family tree is the same.
_CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]
_CLICK_HINT = re.compile(r" ?\(Possible options?: [^)]*\)| Did you mean --[^ ]*\?$")
_CHOICE = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>.+)")


def command(name: str | None, arguments: Sequence[str]) -> Callable[[], int | None]:
    """Return what runs `arguments`, a command line of the command `name`."""
    return partial(invoke, build(name), arguments)


def invoke(app: typer.Typer, arguments: Sequence[str]) -> int | None:
    """Runs `app`; the exit code.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    try:
        code: int | None = typer.main.get_command(app).main(
            args=list(arguments), prog_name="tokenaudit", standalone_mode=False
        )
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _CommandLineError as error:
        return _usage(error)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # of something else than stdout: typer hides it
            raise ended.__context__ from None
        raise
    if code == exit_codes.INTERRUPTED:  # newer versions of typer make a quiet exit of an interrupt
        raise KeyboardInterrupt
    return code


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
