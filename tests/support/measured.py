"""Running the real command, with the memory that it and everything it starts take together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import Ran, environment

SECONDS = 30
"""How long any single hostile thing can take."""

MEMORY = 1 << 30
"""Bytes that any single hostile thing can take, over all processes."""

_TICK = 0.02


@dataclass(frozen=True)
class Measured(Ran):
    """What a command left behind.

    `peak` is the largest sum of its processes' own memory, in bytes; `seconds` how much processor time they took.
    """

    peak: int = 0
    seconds: float = 0.0

    @property
    def reasons(self) -> dict[str, str]:
        """Where something was skipped, and why."""
        return {each["where"]: each["reason"] for each in self.report["skipped"]}


def measured(*arguments: str | Path, home: Path, cwd: Path | None = None, limit: float = 4 * SECONDS) -> Measured:
    """Runs `tokenaudit` in at most `limit` seconds.

    The machine can be busy with other tests, so that limit is generous: it is for what never ends.
    """
    begun = os.times()
    out, err = home / "measured.out", home / "measured.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tokenaudit", *(os.fspath(each) for each in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=environment(home),
            start_new_session=True,
        )
        peak = 0
        until = time.monotonic() + limit
        while process.poll() is None:
            peak = max(peak, sum(_memory(pid) for pid in _tree(process.pid)))
            if time.monotonic() > until:
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, 9)
                process.kill()
                process.wait()
                message = f"still running after {limit} seconds"
                raise AssertionError(message)
            time.sleep(_TICK)
    ended = os.times()
    spent = ended.children_user - begun.children_user + ended.children_system - begun.children_system
    return Measured(
        process.returncode, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace"), peak, spent
    )


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for listing in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, listing.read_text().split())
            except OSError:  # noqa: PERF203 - each process can have ended meanwhile
                continue
    return found


def _memory(pid: int) -> int:
    """The proportional share of the memory that is not backed by files."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss_Anon:"))
