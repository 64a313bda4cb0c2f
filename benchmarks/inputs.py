"""Ordinary inputs with credentials in them, generated and timed in pairs against kingfisher, if it is installed.

    python benchmarks/inputs.py versions:10000 repositories:40 tokens:3000 file [--rounds 5]

`versions:N` is a file with N versions and a credential in half of them, `repositories:N` are N small repositories in
one call, every fourth with a credential, `tokens:N` is a commit with N different credentials in N/10 files, `file` is
one small file. Credentials are created at run time and never valid. Programs run one after the other in each round;
ratios are taken within a round, and the table has their median and range. Processor seconds are user and system time
of all processes. A round before the measured ones writes bytecode, also where the environment says otherwise.
`--again` also scans the history of `versions:N` twice with a state, and prints the share of the
second scan.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.interfaces import ScanContext
from tokenaudit.sources.local.git_history import HistorySource

_OURS = [sys.executable, "-m", "tokenaudit", "scan", "--quiet", "--fail-on", "never"]
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_THEIRS = ["kingfisher", "scan", "--rule", "huggingface-access-token", "--no-validate", "--quiet", "--no-update-check"]


def versions(folder: Path, number: int) -> list[Path]:
    """A file of 200 lines with `number` versions."""
    repo = GitRepo(folder, bare=True)
    token = Mint("versions").user_token()
    chance = random.Random(1)
    lines = [f"value_{line} = {chance.randrange(10**6)}" for line in range(200)]
    process = subprocess.Popen(["git", "-C", str(repo.path), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    stdin = cast("IO[bytes]", process.stdin)
    for each in range(number):
        lines[chance.randrange(200)] = f"value_{each} = {chance.randrange(10**6)}"
        has_token = number // 4 <= each < 3 * number // 4
        text = "\n".join([*lines[:100], *([f'TOKEN = "{token}"'] if has_token else []), *lines[100:], ""])
        head = f"commit refs/heads/main\ncommitter A <a@example.org> {1_500_000_000 + each * 60} +0000\ndata 1\nx\n"
        stdin.write(f"{head}M 644 inline config.py\ndata {len(text)}\n{text}\n".encode())
    stdin.close()
    process.wait()
    repo.git("repack", "-adq", "--depth=50", "--window=10")
    return [folder]


def repositories(folder: Path, number: int) -> list[Path]:
    """`number` repositories with 20 commits each."""
    mint = Mint("repositories")
    made = []
    for each in range(number):
        repo = GitRepo(folder / f"r{each:03}")
        for change in range(20):
            repo.commit(f"change {change}", {f"src/part{change % 5}.py": f"x = {change}\n" * 50})
        if each % 4 == 0:
            repo.commit("push", {"push.py": f"token = '{mint.user_token()}'\n"})
        made.append(repo.path)
    return made


def tokens(folder: Path, number: int) -> list[Path]:
    """A commit with `number` different credentials."""
    mint = Mint("tokens")
    files = {
        f"d{file}/f{file}.py": "".join(f"token_{line} = '{mint.user_token()}'\n" for line in range(10))
        for file in range(number // 10)
    }
    GitRepo(folder).commit("all", files)
    return [folder]


def file(folder: Path, number: int) -> list[Path]:
    """One small file, without a credential."""
    folder.mkdir()
    made = folder / "config.py"
    made.write_text("".join(f"value_{line} = {line}\n" for line in range(number)))
    return [made]


_INPUTS = {"versions": versions, "repositories": repositories, "tokens": tokens, "file": file}


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _run(command: list[str]) -> tuple[float, float]:
    begin, used = time.perf_counter(), _used(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin, _used(resource.RUSAGE_CHILDREN) - used


def _compare(name: str, paths: list[Path], rounds: int) -> None:
    targets = [str(path) for path in paths]
    history = ["--only", "history"] if name.startswith("versions") else []
    programs = {"tokenaudit": [*_OURS, *history, *targets]}
    if shutil.which("kingfisher"):
        programs["kingfisher"] = [*_THEIRS, *targets]
    spent: dict[str, list[tuple[float, float]]] = {program: [] for program in programs}
    for number in range(rounds + 1):
        for program, command in programs.items():
            run = _run(command)
            if number:  # the first round loads files and writes bytecode
                spent[program].append(run)
    for program, times in spent.items():
        ratios = [
            (theirs[0] / own[0], theirs[1] / own[1]) for theirs, own in zip(times, spent["tokenaudit"], strict=True)
        ]
        cells = []
        for kind, seconds in enumerate(zip(*times, strict=True)):
            each = [ratio[kind] for ratio in ratios]
            span = f"{min(each):.2f} to {max(each):.2f}"
            cells.append(f"{statistics.median(seconds):8.2f} {statistics.median(each):6.2f} ({span})")
        print(f"{name:20} {program:12} wall s {cells[0]}   processor s {cells[1]}", flush=True)


def _again(name: str, path: Path) -> None:
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            before = _used(resource.RUSAGE_SELF) + _used(resource.RUSAGE_CHILDREN)
            run = ScanContext(Detector.load(), jobs=os.cpu_count() or 1)
            for _finding in HistorySource(path, "history", Path(folder) / "state").findings(run):
                pass
            spent.append(_used(resource.RUSAGE_SELF) + _used(resource.RUSAGE_CHILDREN) - before)
    print(
        f"{name:20} first scan {spent[0]:.2f}, second {spent[1]:.2f} processor s: {spent[1] / spent[0]:.0%}", flush=True
    )


def main() -> None:
    """Generates and times every named input."""
    parser = argparse.ArgumentParser(description="generated inputs, timed against kingfisher")
    parser.add_argument("inputs", nargs="+", metavar="KIND[:NUMBER]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(chosen.inputs):
            kind, _, size = name.partition(":")
            paths = _INPUTS[kind](Path(folder) / str(number), int(size or 100))
            _compare(name, paths, chosen.rounds)
            if chosen.again and kind == "versions":
                _again(name, paths[0])


if __name__ == "__main__":
    main()
