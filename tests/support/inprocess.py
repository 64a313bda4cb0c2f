"""Running a command in this process: a tenth of what a process of its own costs."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass

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
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    stdin = io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "stdin", stdin)
        code = main(list(arguments))
    return Result(code, *(each.buffer.getvalue().decode() for each in (out, err)))
