"""The command line: one short file a command, no logic."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import NoReturn, cast

ARGUMENTS: ContextVar[tuple[str, ...]] = ContextVar("arguments", default=())
"""The command line that runs, without the name of the program."""


def start() -> NoReturn:
    """Runs the command line of this process and ends it; the entry point of the `tokenaudit` script."""
    end(main())


def end(code: int) -> NoReturn:
    """Ends the process without giving each object back, which takes longer than reading a small repository.

    What is registered for the end of the process is done, and everything is written. Where that is not all that Python
    does at the end, it does it: it waits for other threads, and a profiler prints its results.
    """
    if threading.active_count() == 1 and not _is_watched():
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way, and multiprocessing does the same
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


_TOOLS = range(6)
"""The numbers of tools: `sys.monitoring`."""


def _is_watched() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12, where cProfile uses it
    tools = map(monitoring.get_tool, _TOOLS) if monitoring is not None else ()
    return sys.getprofile() is not None or sys.gettrace() is not None or any(tools)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    # Loading modules makes many objects that live for ever; looking through them again and again finds no garbage.
    gc.set_threshold(200_000, 20, 100)
    # pydantic, which typer brings along, would look through every installed package for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # numpy comes with a library that starts a thread for every processor when it is loaded; nothing here needs them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = sys.argv[1:] if arguments is None else list(arguments)
    ARGUMENTS.set(tuple(given))
    command = _command(given)
    from tokenaudit.cli.errors import run  # noqa: PLC0415 - modules of this package import `ARGUMENTS`

    try:
        return run(command)
    finally:
        if arguments is None:  # the process ends: collecting what it still holds would take longer than many scans
            gc.freeze()


def _command(given: list[str]) -> Callable[[], object]:
    """What runs the command line `given`. Only what it needs is loaded."""
    if given[:1] == ["scan"]:
        plain = importlib.import_module("tokenaudit.cli.run_scan").plain_scan(given, os.environ)
        if plain is not None:
            return cast("Callable[[], object]", plain)
    from tokenaudit.cli import command_line  # noqa: PLC0415 - loads typer

    # A shell that completes a command line passes it in this variable instead of as arguments.
    words = given or os.environ.get("COMP_WORDS", "").split()[1:]
    return command_line.command(next((word for word in words if not word.startswith("-")), None), given)
