"""How long a repository's whole history takes, against every other scanner that is installed.

    python benchmarks/history.py REPOSITORY... [--rounds 5] [--agree]

Every round runs every program once, one after the other, so that they share whatever else the machine does; ratios are
taken within a round, and the table gives their median and range. Programs that are not on PATH are left out; they run
with their rules for Hugging Face alone. tokenaudit runs with and without the compiled part, if that is installed.
`floor` merely inflates the blobs, commits and tags of the same packs with the same library, loop and number of
processes; `floor with trees` also the trees, which are read where there are credentials. CPU seconds are user time,
children included. `--agree` times nothing: it compares, object by object, what the pack reader delivers with what
`git cat-file` delivers, and what is found with and without the compiled part.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import mmap
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from zlib import decompress

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from deflate import zlib_decompress

from benchmarks.memory import peak
from tokenaudit.detect import Detector
from tokenaudit.git.catfile import cat_file_partitions
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import SEARCHED, GitObject, ObjectMatcher, ObjectType, Partition, ScanBatch, Unread
from tokenaudit.git.pack import compiled
from tokenaudit.git.pack.reader import TINY, PackPartition
from tokenaudit.git.parallel import search
from tokenaudit.interfaces import MatchContext, PrefilterResult, ScanResult
from tokenaudit.sources.local.git_history import HistoryMatcher

_PEERS = {
    "kingfisher": ["kingfisher", "scan", "--rule", "huggingface-access-token", "--no-validate", "--quiet"],
    "betterleaks": ["betterleaks", "git", "--isolate-rule=huggingface-access-token", "--no-banner"],
    "gitleaks": ["gitleaks", "git", "--enable-rule=huggingface-access-token", "--no-banner"],
}
_OURS = [sys.executable, "-m", "tokenaudit", "scan", "--only", "history", "--quiet", "--fail-on", "never"]


def main() -> None:
    """Reads the command line and does what it says."""
    parser = argparse.ArgumentParser(description="whole histories, timed against other scanners")
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--agree", action="store_true")
    chosen = parser.parse_args()
    for repository in chosen.repositories:
        if chosen.agree:
            _agree(repository)
        else:
            _compare(repository, chosen.rounds)


def _compare(repository: Path, rounds: int) -> None:
    jobs = os.cpu_count() or 1
    command = [*_OURS, "--jobs", str(jobs), str(repository)]
    programs: dict[str, Callable[[], None]] = {
        f"tokenaudit, {jobs} processes": partial(_run, command),
        "tokenaudit, 1 process": partial(_run, [*_OURS, "--jobs", "1", str(repository)]),
        f"floor, {jobs} processes": partial(_floor, repository, jobs, SEARCHED),
        f"floor with trees, {jobs} processes": partial(_floor, repository, jobs, (*SEARCHED, "tree")),
    }
    if compiled.accelerator() is not None:
        programs["without the compiled part"] = partial(_run, command, **{compiled.VARIABLE: "off"})
    for name, command in _PEERS.items():
        if shutil.which(name):
            programs[name] = partial(_run, [*command, str(repository)])
    wall: dict[str, list[float]] = {name: [] for name in programs}
    work: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            begin, used = time.perf_counter(), _used()
            program()
            wall[name].append(time.perf_counter() - begin)
            work[name].append(_used() - used)
    ours = next(iter(programs))
    print(f"\n{repository}: {_size(repository)}")
    print(f"{'program':26} {'median s':>9} {'ratio':>7} {'range':>15} {'CPU s':>7} {'ratio':>7}")
    for name in programs:
        ratios = _ratios(wall[name], wall[ours])
        span = f"{min(ratios):.2f} to {max(ratios):.2f}"
        cpu = statistics.median(_ratios(work[name], work[ours]))
        print(
            f"{name:26} {statistics.median(wall[name]):9.2f} {statistics.median(ratios):7.2f} {span:>15}"
            f" {statistics.median(work[name]):7.2f} {cpu:7.2f}"
        )
    print(f"peak memory of all our processes: {peak([*_OURS, '--jobs', str(jobs), str(repository)]) >> 20} MiB")


def _ratios(theirs: list[float], ours: list[float]) -> list[float]:
    return [other / own for other, own in zip(theirs, ours, strict=True)]


def _used() -> float:
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _run(command: list[str], **variables: str) -> None:
    environment = os.environ | variables
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)


class _Nothing:
    """Looks at nothing."""

    reach: int | None = None
    has_hits = False

    def prepare(self) -> None:
        """Nothing."""

    def look(self, data: bytes) -> PrefilterResult:
        """Nothing."""
        del data
        return PrefilterResult.NOTHING

    def copy(self) -> _Nothing:
        """Nothing."""
        return self

    def with_evidence(self, data: bytes, starts: Sequence[int]) -> tuple[list[int], list[int]]:
        """Nothing."""
        del data, starts
        return [], []

    def contexts(self, data: bytes) -> tuple[MatchContext, ...] | None:
        """Nothing."""
        del data
        return None

    def kept(self, contexts: Sequence[MatchContext], data: bytes) -> tuple[MatchContext, ...] | None:
        """Nothing."""
        del contexts, data
        return None

    def note(self, batch: ScanBatch) -> None:
        """Nothing."""

    def examine(self, data: bytes) -> ScanResult:
        """Nothing."""
        del data
        return ScanResult()


class _Inflated:
    """A share whose objects are inflated, and neither rebuilt nor searched."""

    def __init__(self, partition: PackPartition) -> None:
        self._share = partition
        self.size = partition.size
        self.count = partition.count
        self.is_concurrent = True
        self.is_last = False

    def read(self) -> Iterator[GitObject | Unread]:
        """The objects."""
        return self._share.read()

    def search(self, watcher: ObjectMatcher) -> Iterator[ScanBatch]:
        """Inflates, no more."""
        del watcher
        partition = self._share
        bodies = partition.forest.headers.bodies[partition.nodes]
        all_ends = bodies + partition.forest.lengths[partition.nodes]
        all_sizes = partition.forest.headers.sizes[partition.nodes]
        found = compiled.accelerator()
        if found is not None:
            count = len(bodies)
            alone, none = np.zeros(count + 1, np.int64), np.zeros(0, np.int64)
            each = compiled.Plan(partition.nodes, bodies, all_ends, all_sizes, alone[1:], alone, none, np.arange(count))
            with partition.pack.open("rb") as file:
                walk = compiled.walk(found, file.fileno(), each, 0, 1 << 62)
            while walk.fill(1 << 20)[-1]:
                pass
            yield ScanBatch()
            return
        ends, sizes = all_ends.tolist(), all_sizes.tolist()
        with partition.pack.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            for start, end, size in zip(bodies.tolist(), ends, sizes, strict=True):
                if end - start < TINY:
                    decompress(view[start:end])
                else:
                    zlib_decompress(view[start:end], size or 1)
            view.release()
        yield ScanBatch()


def _floor(repository: Path, jobs: int, types: Sequence[ObjectType]) -> None:
    work = plan(open_repository(repository), jobs, types, small=0)
    partitions: list[Partition] = [
        _Inflated(partition) for partition in work.partitions if isinstance(partition, PackPartition)
    ]
    for _ in search(partitions, _Nothing(), jobs):
        pass


def _size(repository: Path) -> str:
    with tempfile.NamedTemporaryFile() as report:
        _run([*_OURS, "--format", "json", "--output", report.name, str(repository)])
        told = json.loads(Path(report.name).read_text(encoding="utf-8"))
    objects = sum(target["objects"] for target in told["targets"])
    size = sum(target["bytes"] for target in told["targets"])
    return f"{objects:,} objects, {size / 1e9:.2f} GB, {len(told['credentials'])} credentials"


def _agree(repository: Path) -> None:
    opened = open_repository(repository)
    ours = plan(opened, 1, small=0)
    _agree_on_hits(repository, [*ours.partitions])
    theirs, _, _ = cat_file_partitions(opened.git_dir, 1)
    difference = _contents([*ours.partitions]) ^ _contents([*theirs])
    print(
        f"{repository}: {sum(partition.count for partition in theirs):,} objects, {len(difference)} differences",
        flush=True,
    )
    if difference or ours.unread or ours.note:
        sys.exit(f"the readers disagree: {sorted(difference)[:3]} {ours.unread[:3]} {ours.note or ''}")


def _agree_on_hits(repository: Path, partitions: list[Partition]) -> None:
    if compiled.accelerator() is None:
        print(f"{repository}: tokenaudit-fast is not installed or switched off, so there is nothing to compare")
        return
    with_it = _searched(partitions)
    without: list[Partition] = [
        replace(partition, is_compiled=False) if isinstance(partition, PackPartition) else partition
        for partition in partitions
    ]
    if with_it != _searched(without):
        sys.exit(f"{repository}: the result with the compiled part differs")
    hits, unread, objects, size = with_it
    print(
        f"{repository}: {objects:,} objects, {size:,} bytes, {len(hits)} hits, {len(unread)} unread, with and without"
    )


def _searched(partitions: list[Partition]) -> tuple[list[tuple[str, str]], list[str], int, int]:
    batches = list(search(partitions, HistoryMatcher(Detector.load()), os.cpu_count() or 1))
    return (
        sorted(hit for batch in batches for hit in batch.hits),
        sorted(f"{item.id}: {item.reason}" for batch in batches for item in batch.unread),
        sum(batch.objects for batch in batches),
        sum(batch.bytes for batch in batches),
    )


def _contents(partitions: list[Partition]) -> set[tuple[str, bytes]]:
    return {
        (item.id, hashlib.sha1(item.data, usedforsecurity=False).digest())
        for partition in partitions
        for item in partition.read()
        if isinstance(item, GitObject)
    }


if __name__ == "__main__":
    main()
