"""How long people wait before anything happens: one file, the pre-commit check, and the help.

    python benchmarks/startup.py [--rounds 9]

Makes a repository with one staged file, then runs whole commands in turns, ours and those of other programs that are
installed (`kingfisher`, `gitleaks`, `detect-secrets-hook`, `pre-commit`). Every round runs every command once, so that
what the machine does meanwhile hits all of them alike. Printed are medians of the time on the clock and of processor
time (user and system, children included), with the range of the first, and the same without an interpreter that does
nothing. Bytecode is written in a round before the measured ones, also where the environment says otherwise: otherwise
every run would compile the package. kingfisher runs its rule for Hugging Face alone. `pre-commit` runs our hook in an
environment that exists.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_COMMANDS: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "tokenaudit --help": ["tokenaudit", "--help"],
    "tokenaudit scan FILE": ["tokenaudit", "scan", "staged.py"],
    "kingfisher scan FILE": [
        *("kingfisher", "scan", "--rule", "huggingface-access-token", "--no-validate", "--quiet"),
        "staged.py",
    ],
    "tokenaudit scan --staged": ["tokenaudit", "scan", "--staged"],
    "gitleaks git --staged": ["gitleaks", "git", "--staged", "--no-banner"],
    "detect-secrets-hook": ["detect-secrets-hook", "staged.py"],
    "pre-commit run, our hook": ["pre-commit", "run"],
}
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_HOOK = """repos:
- repo: local
  hooks:
  - {id: tokenaudit, name: tokenaudit, entry: tokenaudit scan --staged, language: system, pass_filenames: false}
"""


class _Run(NamedTuple):
    """Seconds of one run: on the clock, and of the processor."""

    wall: float
    cpu: float


def _repository(folder: Path) -> Path:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=A Committer", "-c", "user.email=committer@example.org"]
    (folder / "first.py").write_text("print('first')\n")
    (folder / ".pre-commit-config.yaml").write_text(_HOOK)
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)
    (folder / "staged.py").write_text("import os\n\ntoken = os.environ['HF_TOKEN']\n" * 40)
    subprocess.run(["git", "add", "."], cwd=folder, env=environment, check=True)
    return folder


def _run(command: list[str], folder: Path) -> _Run:
    used, started = _used(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=_ENVIRONMENT, capture_output=True, check=False)
    wall, cpu = time.perf_counter() - started, _used() - used
    if done.returncode != 0:
        message = f"{command[0]} left with {done.returncode}: {done.stderr.decode(errors='replace')[:200]}"
        raise SystemExit(message)
    return _Run(wall, cpu)


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    commands = {name: command for name, command in _COMMANDS.items() if shutil.which(command[0])}
    with tempfile.TemporaryDirectory() as name:
        folder = _repository(Path(name))
        for command in commands.values():
            _run(command, folder)
        runs: dict[str, list[_Run]] = {name: [] for name in commands}
        for _ in range(rounds):
            for label, command in commands.items():
                runs[label].append(_run(command, folder))
    nothing = _median(runs["python -c pass"])
    print(f"{'command':<26} {'clock':>7} {'range':>14} {'CPU':>7} {'beyond the interpreter: clock, CPU':>36}")
    for label, taken in runs.items():
        middle = _median(taken)
        walls = [one.wall for one in taken]
        span = f"{min(walls):.3f} to {max(walls):.3f}"
        beyond = f"{middle.wall - nothing.wall:.3f} {middle.cpu - nothing.cpu:7.3f}"
        print(f"{label:<26} {middle.wall:7.3f} {span:>14} {middle.cpu:7.3f} {beyond:>36}")


def _median(runs: list[_Run]) -> _Run:
    return _Run(statistics.median(one.wall for one in runs), statistics.median(one.cpu for one in runs))


if __name__ == "__main__":
    main()
