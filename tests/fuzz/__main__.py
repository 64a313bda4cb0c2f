"""`python -m tests.fuzz --minutes N [TARGET…]`: runs every target for its share of the time.

With atheris installed each target runs guided by coverage; without it, inputs are mutations of the seeds. A failing
input is written to `--failures` and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target

_INTERESTING = (
    *(b"\0", b"\xff", b"\r\n", b"\xef\xbb\xbf", b"{", b"[" * 50, b"&a *a"),
    *(b"$(", b"${{", b"\x1f\x8b", b"PK\3\4"),
)
"""Bytes that begin, end or escape something in one of the formats."""


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """A copy of `seed` with up to eight changes: bits, cuts, repetitions and insertions."""
    data = bytearray(seed)
    for _change in range(dice.randint(1, 8)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del data[at : at + dice.randint(1, 64)]
        elif kind == 2:
            data[at:at] = data[at : at + dice.randint(1, 256)]
        elif kind == 3:
            data[at:at] = dice.choice(_INTERESTING)
        else:
            data[at:at] = dice.randbytes(dice.randint(1, 8))
    return bytes(data)


def run_mutations(target: Target, seconds: float, seed: int) -> tuple[int, list[tuple[bytes, str]]]:
    """Checks mutations for `seconds`; gives how many ran, and failing inputs with their tracebacks."""
    dice = random.Random(seed)
    seeds = target.seeds()
    failures: list[tuple[bytes, str]] = []
    tried = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(dice.choice(seeds), dice) if tried >= len(seeds) else seeds[tried]
        tried += 1
        try:
            target.check(data)
        except Exception:  # noqa: BLE001 - whatever it raises is the finding
            failures.append((data, traceback.format_exc()))
    return tried, failures


def run_guided(name: str) -> None:
    """Runs one target under atheris until libFuzzer's own limits end the process."""
    target = TARGETS[name]
    atheris = import_module("atheris")
    for seed in target.seeds():
        target.check(seed)  # loads every module before it is instrumented
    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *sys.argv[3:], corpus], target.check)
        atheris.Fuzz()


def main() -> int:
    """Runs the campaign and returns the exit code."""
    if sys.argv[1:2] == ["--guided"]:
        run_guided(sys.argv[2])
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=10, help="for the whole campaign (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"unknown target {unknown[0]}; choose from {', '.join(TARGETS)}")
    names = options.targets or list(TARGETS)
    seconds = options.minutes * 60 / len(names)
    guided = importlib.util.find_spec("atheris") is not None
    failed = 0
    for name in names:
        if guided:
            command = [sys.executable, "-m", "tests.fuzz", "--guided", name, f"-max_total_time={max(1, int(seconds))}"]
            ran = subprocess.run(command, check=False)
            failed += ran.returncode != 0
            print(f"{name}: {'failed' if ran.returncode else 'ok'} (guided by coverage)")  # noqa: T201 - a script
            continue
        tried, failures = run_mutations(TARGETS[name], seconds, options.seed)
        failed += bool(failures)
        print(f"{name}: {tried:,} inputs, {len(failures)} failures")  # noqa: T201 - a script
        for number, (data, text) in enumerate(failures[:5]):
            options.failures.mkdir(exist_ok=True)
            (options.failures / f"{name}-{number}").write_bytes(data)
            print(text, file=sys.stderr)  # noqa: T201 - a script
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
