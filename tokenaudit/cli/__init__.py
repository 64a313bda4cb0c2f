"""The command line: one short file a command, no logic."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar

ARGUMENTS: ContextVar[tuple[str, ...]] = ContextVar("arguments", default=())
"""The command line that runs, without the name of the program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; the entry point of the `tokenaudit` script."""
    from tokenaudit.cli.app import build  # noqa: PLC0415 - keeps `import tokenaudit.cli` free of typer
    from tokenaudit.cli.errors import run  # noqa: PLC0415 - as above

    # Loading modules makes many objects that live for ever; looking through them again and again finds no garbage.
    gc.set_threshold(50_000, 20, 100)
    # pydantic, which typer brings along, would look through every installed package for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # numpy comes with a library that starts a thread for every processor when it is loaded; nothing here needs them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = sys.argv[1:] if arguments is None else list(arguments)
    ARGUMENTS.set(tuple(given))
    # A shell that completes a command line passes it in this variable instead of as arguments.
    words = given or os.environ.get("COMP_WORDS", "").split()[1:]
    try:
        return run(build(next((word for word in words if not word.startswith("-")), None)), given)
    finally:
        if arguments is None:  # the process ends: collecting what it still holds would take longer than many scans
            gc.freeze()
