"""`python -m tests.fuzz --minutes N [TARGET…]`: runs every target for its share of the time.

With atheris installed each target runs guided by coverage; without it, inputs are mutations of the seeds. For each
target one line gives the inputs, the lines of the target's modules that were reached, and the findings: inputs that
raise an exception, take longer than 30 s, or more than 2 GB. They are written to `--failures`, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import deque
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.fuzz.targets import TARGETS

_ROOT = Path(__file__).parents[2]
_SECONDS = 30
_MEGABYTES = 2048
_REPLAYED = 500
"""Inputs of a run without atheris that are kept for measuring the lines reached."""

_INTERESTING = (
    *(b"\0", b"\xff", b"\r\n", b"\xef\xbb\xbf", b"{", b"[" * 50, b"&a *a"),
    *(b"$(", b"${{", b"\x1f\x8b", b"PK\3\4"),
)
"""Bytes that begin, end or escape something in one of the formats."""


@dataclass(frozen=True)
class Campaign:
    """How a target's inputs are made and where they are kept."""

    corpus: Path
    failures: Path
    seconds: float
    seed: int


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


def run_mutations(name: str, campaign: Campaign) -> tuple[int, int]:
    """Checks mutations of the seeds; gives how many inputs ran and how many failed."""
    target = TARGETS[name]
    dice = random.Random(campaign.seed)
    seeds = target.seeds()
    kept: deque[bytes] = deque(maxlen=_REPLAYED)
    tried = failed = 0
    until = time.monotonic() + campaign.seconds
    while time.monotonic() < until:
        data = mutated(dice.choice(seeds), dice) if tried >= len(seeds) else seeds[tried]
        tried += 1
        kept.append(data)
        try:
            target.check(data)
        except Exception:  # noqa: BLE001 - whatever it raises is the finding
            campaign.failures.mkdir(exist_ok=True, parents=True)
            (campaign.failures / f"{name}-{failed}").write_bytes(data)
            failed += 1
            print(traceback.format_exc(), file=sys.stderr)  # noqa: T201 - a script
    for number, data in enumerate(kept):
        (campaign.corpus / f"mutation-{number}").write_bytes(data)
    return tried, failed


def run_guided(name: str, campaign: Campaign) -> tuple[int, int]:
    """Runs one target under atheris in a process of its own; gives the inputs and findings."""
    campaign.failures.mkdir(exist_ok=True, parents=True)
    settings = [
        f"-max_total_time={max(1, int(campaign.seconds))}",
        f"-timeout={_SECONDS}",
        f"-rss_limit_mb={_MEGABYTES}",
        f"-artifact_prefix={campaign.failures / name}-",
        f"-seed={campaign.seed}",
        "-print_final_stats=1",
        "-close_fd_mask=0",
    ]
    command = [sys.executable, "-m", "tests.fuzz", "--guided", name, str(campaign.corpus), *settings]
    ran = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, errors="replace")
    counted = re.search(r"number_of_executed_units:\s*(\d+)", ran.stderr)
    if ran.returncode:
        print(ran.stderr[-8000:], file=sys.stderr)  # noqa: T201 - a script
    return int(counted[1]) if counted else 0, int(ran.returncode != 0)


def fuzz(name: str, corpus: str, settings: list[str]) -> None:
    """Runs one target under atheris until libFuzzer's own limits end the process."""
    target = TARGETS[name]
    atheris = import_module("atheris")
    for seed in target.seeds():
        target.check(seed)  # loads every module before it is instrumented
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *settings, corpus], target.check)
    atheris.Fuzz()


def replay(name: str, corpus: str) -> None:
    """Checks every input in `corpus` once more, for measuring."""
    for file in sorted(Path(corpus).iterdir()):
        TARGETS[name].check(file.read_bytes())


def reached(name: str, corpus: Path) -> str:
    """The part of the lines of the target's modules that the inputs in `corpus` reach, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"--data-file={folder}/coverage"
        include = "--include=" + ",".join(str(_ROOT / part) for part in TARGETS[name].modules)
        measure = [sys.executable, "-m", "coverage", "run", "--rcfile=", data, include]
        ran = subprocess.run([*measure, "-m", "tests.fuzz", "--replay", name, str(corpus)], check=False)
        total = [sys.executable, "-m", "coverage", "report", "--rcfile=", data, "--format=total"]
        written = subprocess.run(total, check=False, capture_output=True, text=True).stdout.strip()
    return f"{written}% of lines" if ran.returncode == 0 and written.isdigit() else "unknown part of lines"


def _run(name: str, campaign: Campaign) -> bool:
    """Runs a target and prints its line; gives whether it passed."""
    campaign.corpus.mkdir(exist_ok=True, parents=True)
    for number, seed in enumerate(TARGETS[name].seeds()):
        (campaign.corpus / f"seed-{number}").write_bytes(seed)
    guided = importlib.util.find_spec("atheris") is not None
    inputs, findings = (run_guided if guided else run_mutations)(name, campaign)
    lines = reached(name, campaign.corpus)
    how = "guided by coverage" if guided else "mutations of the seeds"
    print(f"{name}: {inputs:,} inputs ({how}), {lines}, {findings} findings", flush=True)  # noqa: T201 - a script
    return not findings


def main() -> int:
    """Runs the campaign and returns the exit code."""
    if sys.argv[1:2] == ["--guided"]:
        fuzz(sys.argv[2], sys.argv[3], sys.argv[4:])
        return 0
    if sys.argv[1:2] == ["--replay"]:
        replay(*sys.argv[2:4])
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=10, help="for the whole campaign (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--corpus", type=Path, help="keep the inputs that reach new lines here, for the next campaign")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"unknown target {unknown[0]}; choose from {', '.join(TARGETS)}")
    names = options.targets or list(TARGETS)
    seconds = options.minutes * 60 / len(names)
    with tempfile.TemporaryDirectory() as temporary:
        corpus = options.corpus or Path(temporary)
        passed = [_run(name, Campaign(corpus / name, options.failures, seconds, options.seed)) for name in names]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
