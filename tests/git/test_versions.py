"""Many versions of a file: what is found in each by the bytes around matches is what a scan of each finds."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import SEARCHED, GitObject, ScanBatch, fingerprints_of
from tokenaudit.git.pack.layout import distinct
from tokenaudit.git.parallel import search
from tokenaudit.interfaces import ScanResult
from tokenaudit.sources.local.git_history import HistoryMatcher

_numbers = itertools.count()


class Counting(HistoryMatcher):
    """Counts full scans."""

    scans = 0

    def copy(self) -> HistoryMatcher:
        return self

    def examine(self, data: bytes) -> ScanResult:
        self.scans += 1
        return super().examine(data)


def edited(dice: random.Random, lines: list[str], mint: Mint, known: list[str]) -> list[str]:
    """Change a few lines: credentials appear, vanish, are copied, cut and glued to letters."""
    lines = list(lines)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(lines))
        match dice.randrange(12):
            case 0:
                known.append(mint.user_token())
                lines.insert(at, f"token = '{known[-1]}'")
            case 1:
                lines.insert(at, f"again = {dice.choice(known)}{dice.choice(['', 'x', '0', '_', '%'])}")
            case 2:
                lines = [line for line in lines if known[-1] not in line] or ["x"]
            case 3:
                token = dice.choice(known)
                lines = [line.replace(token, token[: dice.randrange(len(token))]) for line in lines]
            case 4:
                lines[at : at + 3] = []
                lines = lines or ["x"]
            case 5:
                start = dice.randrange(len(lines))
                lines[at:at] = lines[start : start + dice.randrange(40)]
            case 6:
                lines.insert(
                    at, dice.choice(['x = "h" + "f_"', "data = '\\x68\\x66\\x5f'", "ustar", mint.oauth_token()])
                )
            case 7:
                lines[at] = lines[at] + dice.choice(["a", "=", "_", "\\n"])
            case _:
                lines[at] = f"value_{at} = {dice.random()}"
    return lines[:600]


def stored(folder: Path, seed: int, versions: int) -> GitRepo:
    dice, mint = random.Random(seed), Mint(seed)
    known = [mint.user_token()]
    lines = [f"line_{number} = {dice.random()}" for number in range(300)]
    stream = []
    for number in range(versions):
        lines = edited(dice, lines, mint, known)
        content = "\n".join(lines).encode()
        stream.append(b"blob\ndata %d\n%b\n" % (len(content), content))
        if number % 9 == 0:
            message = f"use {dice.choice(known)}".encode()
            stream.append(
                b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%b\n"
                % (1_500_000_000 + number, len(message), message)
            )
    repo = GitRepo(folder, bare=True)
    repo.git("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", stdin=b"".join(stream))
    return repo


@pytest.mark.usefixtures("packs_read_by")
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32))
def test_fingerprints_in_versions_are_those_of_a_scan_of_each(tmp_path: Path, seed: int) -> None:
    home = tmp_path / f"{next(_numbers)}"
    repo = stored(home, seed, 50)
    work = plan(open_repository(repo.path), 1, SEARCHED, small=0)
    objects = [item for partition in work.partitions for item in partition.read() if isinstance(item, GitObject)]
    scanner = Detector.load()
    expected = {item.id: HistoryMatcher(scanner).examine(item.data) for item in objects}
    batches = list(search(work.partitions, Counting(scanner), 1))
    assert not [each for batch in batches for each in batch.unread]
    hits = [name for batch in batches for name, _ in batch.hits]
    assert sorted(hits) == sorted(name for name, examined in expected.items() if not examined.is_empty)
    kinds = {name: kind for batch in batches for name, kind in batch.hits}
    assert {"blob", "commit"} >= set(kinds.values())
    assert _fingerprints(batches) == {
        name: fingerprints_of(expected[name])
        for name in hits
        if kinds[name] == "blob" and fingerprints_of(expected[name])
    }
    for batch in batches:
        for name, examined in batch.examined.items():
            assert examined == expected[name]
        assert batch.without_results().fingerprints == _fingerprints([batch])
    shutil.rmtree(home)


def _fingerprints(batches: list[ScanBatch]) -> dict[str, frozenset[str]]:
    found = {}
    for batch in batches:
        found.update(batch.fingerprints)
        found.update({name: fingerprints_of(each) for name, each in batch.examined.items()})
    return {name: each for name, each in found.items() if each}


@pytest.mark.usefixtures("packs_read_by")
def test_versions_around_the_same_credential_are_not_scanned_one_by_one(tmp_path: Path) -> None:
    dice = random.Random(1)
    lines = [f"line_{number} = {dice.random()}" for number in range(300)]
    lines[150] = f"token = '{Mint('same').user_token()}'"
    stream = []
    for number in range(80):
        lines[dice.choice([3, 40, 149, 151, 260])] = f"value_{number} = {dice.random()}"
        content = "\n".join(lines).encode()
        stream.append(b"blob\ndata %d\n%b\n" % (len(content), content))
    repo = GitRepo(tmp_path, bare=True)
    repo.git("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", stdin=b"".join(stream))
    watcher = Counting(Detector.load())
    batches = list(search(plan(open_repository(repo.path), 1, SEARCHED, small=0).partitions, watcher, 1))
    assert sum(len(batch.hits) for batch in batches) == len(_fingerprints(batches)) == 80
    assert watcher.scans == 0


def test_masked_arrays_are_not_imported(tmp_path: Path) -> None:
    """Some functions of numpy import them, which takes as long as reading a thousand objects."""
    stored(tmp_path, 3, 20)
    program = (
        "import sys; from pathlib import Path; from tokenaudit.detect import Detector;"
        "from tokenaudit.git.layout import open_repository; from tokenaudit.git.object_store import plan;"
        "from tokenaudit.git.parallel import search; from tokenaudit.sources.local.git_history import HistoryMatcher;"
        "repository = open_repository(Path(sys.argv[1])); work = plan(repository, 1, small=0);"
        "hits = [hit for batch in search(work.partitions, HistoryMatcher(Detector.load()), 1) for hit in batch.hits];"
        "blobs = {name: frozenset('x') for name, kind in hits if kind == 'blob'};"
        "print(work.to_compare(repository.git_dir, blobs, (), 1) is not None, 'numpy' in sys.modules,"
        "'numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout == "True True False\n", done.stderr


@given(st.lists(st.integers(-(1 << 62), 1 << 62) | st.integers(0, 5)))
def test_distinct_numbers(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, np.int64)).tolist() == sorted(set(numbers))
