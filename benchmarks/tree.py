"""Scanning a working tree, pair-wise with any other scanner that is installed.

    python benchmarks/tree.py [--files 20000] [--megabytes 300] [--rounds 3] [--tree FOLDER]

Makes a tree of that size out of this Python's own files (text, compiled code, archives, random binaries), plants
credentials in it, and runs each program in turn, round by round, so that what else the machine does hits all alike.
Peers are restricted to their Hugging Face rule; unwrapping is on in ours. Ratios within one run are what counts.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

PEERS = {
    "kingfisher": ["scan", "--rule", "huggingface-access-token", "--no-validate", "--no-update-check", "--git-history",
                   "none", "--format", "json"],
    "betterleaks": ["dir", "--isolate-rule=huggingface-access-token", "--no-banner"],
    "gitleaks": ["dir", "--enable-rule", "huggingface-access-token", "--no-banner"],
}  # fmt: skip


def build(folder: Path, files: int, size: int) -> None:
    """A tree of `files` files and about `size` bytes, one in a hundred of them random binary."""
    source = random.Random(1)
    average = size // files
    total = 0
    for made, content in enumerate(islice(cycle(_contents()), files)):
        wanted = min(len(content), max(400, 2 * (size - total) // max(1, files - made)))
        data = source.randbytes(average * 10) if made % 100 == 99 else content[:wanted]
        path = folder / f"{made % 97}" / f"{made % 13}" / f"{made}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        total += len(data)


def _contents() -> Iterator[bytes]:
    for file in sorted(Path(sysconfig.get_path("stdlib")).rglob("*")):
        if file.is_file() and file.suffix in {".py", ".pyc", ".txt", ".so", ".json", ".zip"}:
            yield file.read_bytes()


def plant(folder: Path) -> None:
    """Ten user tokens, made up on the spot."""
    source = random.Random()
    for number in range(10):
        body = "".join(source.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", k=34))
        (folder / f"planted-{number}.env").write_text(f"HF_TOKEN=hf_{body}\n")


def commands(tree: Path) -> dict[str, list[str]]:
    """What is installed, as command lines."""
    ours = [
        sys.executable,
        "-m",
        "tokenaudit",
        "scan",
        "--only",
        "tree",
        "--format",
        "json",
        "--output",
        os.devnull,
        str(tree),
    ]
    found = {"tokenaudit": ours}
    for name, options in PEERS.items():
        program = shutil.which(name)
        if program:
            found[name] = [program, *options, str(tree)]
    return found


def seconds(command: list[str]) -> float:
    """Wall-clock time of one run; its findings are not looked at."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def main() -> None:
    """Prints the median time of each program, and how many times ours it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tree", type=Path, help="an existing folder instead of one made for this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        tree = options.tree or Path(made)
        if not options.tree:
            build(tree, options.files, options.megabytes << 20)
            plant(tree)
        size = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())
        print(f"{sum(1 for file in tree.rglob('*') if file.is_file())} files, {size >> 20} MiB, {os.cpu_count()} cores")
        programs = commands(tree)
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(options.rounds + 1):  # the first round warms caches
            for name, command in programs.items():
                times[name].append(seconds(command))
        ours = times["tokenaudit"][1:]
        for name, each in times.items():
            ratio = statistics.median(a / b for a, b in zip(each[1:], ours, strict=True))
            print(f"{name:12} {statistics.median(each[1:]):7.2f} s   {ratio:5.2f} times ours")


if __name__ == "__main__":
    main()
