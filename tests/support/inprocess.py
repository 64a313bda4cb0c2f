"""Running a command in this process: a tenth of what a process of its own costs."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from typing import TextIO

import pytest

from tokenaudit.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(*arguments: str, given: str = "") -> Result:
    """Runs `tokenaudit` with `arguments` and `given` on its standard input."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    code, err = run_into(out, *arguments, given=given)
    return Result(code, out.buffer.getvalue().decode(), err)


def run_into(out: TextIO | None, *arguments: str, given: str = "") -> tuple[int, str]:
    """As `run`, with `out` as standard output (None: closed). Returns the exit code and what stderr got."""
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    stdin = io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "stdin", stdin)
        code = main(list(arguments))
    return code, err.buffer.getvalue().decode()
