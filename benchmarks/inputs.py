"""Ordinary inputs with credentials in them, generated and timed in pairs against kingfisher, if it is installed.

    python benchmarks/inputs.py versions:10000 repositories:40 tokens:3000 file [--rounds 5]

    python benchmarks/inputs.py planted alternates --repository git.git --repository diffusers.git

`versions:N` is a file with N versions and a credential in half of them, `repositories:N` are N small repositories in
one call, every fourth with a credential, `tokens:N` is a commit with N different credentials in N/10 files, `file` is
one small file, `staged:N` are N changed files in the index of a repository, `line:N` is a file of N MiB that is a
single line. `planted` is a copy of the first `--repository` with one commit more, which adds a credential. `alternates`
is a bare repository that has the refs of all `--repository` and borrows their objects, together with a working clone
that borrows from it, in one call. Each of these should be complete, as `git clone --mirror` makes it. Credentials are
created at run time and never valid. Programs run one after the other in each round; ratios are taken within a round,
and the table has their median and range. Processor seconds are user and system time of all processes, memory the most
that ours hold at one time without mapped files. A round before the measured ones writes bytecode, also where the
environment says otherwise. `--again` also scans the history of `versions:N` twice with a state, and prints the share of
the second scan.
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
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.memory import peak
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


def staged(folder: Path, number: int) -> list[Path]:
    """A repository with `number` changed files in the index, without a credential."""
    repo = GitRepo(folder)
    repo.commit("first", {f"part{each}.py": "x = 1\n" * 50 for each in range(2 * number)})
    for each in range(number):
        repo.write(f"part{each}.py", f"y = {each}\n" * 50)
    repo.git("add", ".")
    return [folder]


def line(folder: Path, number: int) -> list[Path]:
    """A file of `number` MiB without a line break, and without a credential."""
    folder.mkdir()
    made = folder / "line"
    text = bytes(random.Random(1).choices(b"abcdefghijklmnopqrstuvwxyz0123456789 ,.;:{}[]", k=1 << 20))
    with made.open("wb") as opened:
        for each in range(number):
            opened.write(text[each:] + text[:each])
    return [made]


def planted(folder: Path, lenders: Sequence[Path]) -> list[Path]:
    """A copy of a repository, which shares its files, with a commit that adds a credential."""
    subprocess.run(["git", "clone", "-q", "--mirror", "--local", str(lenders[0]), str(folder)], check=True)
    repo = GitRepo(folder, bare=True)
    content = f"token = '{Mint('planted').user_token()}'\n"
    stream = "commit HEAD\ncommitter A <a@example.org> 1700000000 +0000\ndata 1\nx\nfrom HEAD^0\n"
    stream += f"M 644 inline push_to_hub.py\ndata {len(content)}\n{content}\n"
    repo.git("fast-import", "--quiet", stdin=stream.encode())
    return [folder]


def alternates(folder: Path, lenders: Sequence[Path]) -> list[Path]:
    """A bare repository that borrows from others, and a working clone that borrows from it."""
    repo = GitRepo(folder / "bare", bare=True)
    opened = [GitRepo(path, bare=True) for path in lenders]
    lines = [f"{lender.git_dir}/objects\n" for lender in opened]
    (repo.path / "objects/info/alternates").write_text("".join(lines))
    for number, lender in enumerate(opened):
        namespace = f"refs/lender{number}" if number else "refs"
        refs = lender.git("for-each-ref", f"--format=create {namespace}/%(refname:lstrip=1) %(objectname)")
        repo.git("update-ref", "--stdin", stdin=f"{refs}\n".encode())
    repo.git("pack-refs", "--all")
    repo.git("symbolic-ref", "HEAD", opened[0].git("symbolic-ref", "HEAD"))
    subprocess.run(["git", "clone", "-q", "--shared", str(repo.path), str(folder / "clone")], check=True)
    return [repo.path, folder / "clone"]


_INPUTS = {
    "versions": versions,
    "repositories": repositories,
    "tokens": tokens,
    "file": file,
    "staged": staged,
    "line": line,
}
_DERIVED = {"planted": planted, "alternates": alternates}
_OPTIONS = {"versions": ["--only", "history"], "planted": ["--only", "history"], "staged": ["--staged"]}
_DEFAULTS = {"line": 2048, "staged": 5}


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _run(command: list[str]) -> tuple[float, float]:
    begin, used = time.perf_counter(), _used(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin, _used(resource.RUSAGE_CHILDREN) - used


def _compare(name: str, paths: list[Path], rounds: int) -> None:
    targets = [str(path) for path in paths]
    kind = name.partition(":")[0]
    programs = {"tokenaudit": [*_OURS, *_OPTIONS.get(kind, []), *targets]}
    if shutil.which("kingfisher"):
        programs["kingfisher"] = [*_THEIRS, *(["--staged"] if kind == "staged" else []), *targets]
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
        for column, seconds in enumerate(zip(*times, strict=True)):
            each = [ratio[column] for ratio in ratios]
            span = f"{min(each):.2f} to {max(each):.2f}"
            cells.append(f"{statistics.median(seconds):8.2f} {statistics.median(each):6.2f} ({span})")
        print(f"{name:20} {program:12} wall s {cells[0]}   processor s {cells[1]}", flush=True)
    print(f"{name:20} tokenaudit   memory {peak(programs['tokenaudit']) >> 20} MiB", flush=True)


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
    parser.add_argument("--repository", type=Path, action="append", default=[], help="for planted and alternates")
    chosen = parser.parse_args()
    if not chosen.repository and _DERIVED.keys() & set(chosen.inputs):
        parser.error("planted and alternates need --repository")
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(chosen.inputs):
            kind, _, size = name.partition(":")
            where = Path(folder) / str(number)
            if kind in _DERIVED:
                paths = _DERIVED[kind](where, [path.resolve() for path in chosen.repository])
            else:
                paths = _INPUTS[kind](where, int(size or _DEFAULTS.get(kind, 100)))
            _compare(name, paths, chosen.rounds)
            if chosen.again and kind == "versions":
                _again(name, paths[0])


if __name__ == "__main__":
    main()
