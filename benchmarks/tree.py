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
import resource
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

from tokenaudit.detect import Detector
from tokenaudit.interfaces import ScanContext
from tokenaudit.sources.local.filesystem import TreeSource

PEERS = {
    "kingfisher": ["scan", "--rule", "huggingface-access-token", "--no-validate", "--no-update-check", "--git-history",
                   "none", "--format", "json"],
    "betterleaks": ["fs", "--isolate-rule=huggingface-access-token", "--no-banner"],
    "gitleaks": ["dir", "--enable-rule", "huggingface-access-token", "--no-banner"],
}  # fmt: skip


def build(folder: Path, files: int, size: int) -> None:
    """A tree of `files` files and about `size` bytes, one in a hundred of them random binary."""
    source = random.Random(1)
    average = size // files
    total = 0
    for made, content in enumerate(islice(cycle(_contents()), files)):
        wanted = min(len(content), max(400, 2 * (size - total) // max(1, files - made)))
        data = source.randbytes(average * 55) if made % 100 == 99 else content[:wanted]
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
    found = {"detection": [sys.executable, __file__, "--detect", str(tree)], "tokenaudit": ours}
    for name, options in PEERS.items():
        program = shutil.which(name)
        if program:
            found[name] = [program, *options, str(tree)]
    return found


def cost(command: list[str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one run; its findings are not looked at."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def detect(tree: Path) -> None:
    """Detection alone, without what the command makes of it: recommendations, reports."""
    run = ScanContext(Detector.load(), jobs=os.cpu_count() or 1)
    print(sum(1 for _ in TreeSource(tree, "tree").findings(run)))


def main() -> None:
    """Prints the median cost of each program, and how many times that of our detection it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tree", type=Path, help="an existing folder instead of one made for this")
    parser.add_argument("--detect", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.detect:
        detect(options.detect)
        return
    with tempfile.TemporaryDirectory() as made:
        tree = options.tree or Path(made)
        if not options.tree:
            build(tree, options.files, options.megabytes << 20)
            plant(tree)
        size = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())
        print(f"{sum(1 for file in tree.rglob('*') if file.is_file())} files, {size >> 20} MiB, {os.cpu_count()} cores")
        programs = commands(tree)
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(options.rounds + 1):  # the first round warms caches
            for name, command in programs.items():
                costs[name].append(cost(command))
        ours = costs["detection"][1:]
        for name, each in costs.items():
            wall, processor = (statistics.median(column) for column in zip(*each[1:], strict=True))
            ratio = statistics.median(a[0] / b[0] for a, b in zip(each[1:], ours, strict=True))
            work = statistics.median(a[1] / b[1] for a, b in zip(each[1:], ours, strict=True))
            print(f"{name:12} {wall:6.2f} s ({ratio:5.2f} times detection), processor {processor:6.2f} s ({work:5.2f})")


if __name__ == "__main__":
    main()
