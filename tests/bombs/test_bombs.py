"""Small inputs that want to become large: bounded in time and memory, reported, and nothing else lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.bombs.catalog import BOMBS, Bomb, endless_tree
from tests.bombs.check import planted, problems_with
from tests.bombs.table import read_rows
from tests.support.gitrepo import GitRepo
from tests.support.hostile import MIB, loose
from tests.support.measured import MEMORY, SECONDS, Measured, measured
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.audit.targets import Part, Scope
from tokenaudit.detect import Detector, Limits
from tokenaudit.git import command, object_reader, objects
from tokenaudit.model import Report
from tokenaudit.report import render

HISTORY: tuple[Part] = ("history",)
REDUCED = MIB // 64
"""The unit of a reduced bomb: the limits are reduced by as much."""


def measure(bomb: Bomb, folder: Path) -> Measured:
    """Runs the command on a bomb of full size; what it took.

    Raises:
        AssertionError: it took too much, or the report lacks something.
    """
    repo = planted(folder, bomb, MIB)
    target = f"file://{repo.path}" if bomb.url else repo.path
    ran = measured("scan", target, "--only", bomb.part, "-f", "json", home=folder)
    problems = problems_with(bomb, ran.report, reduced=False)
    assert not problems, problems
    assert ran.peak < MEMORY, f"{ran.peak / MIB:.0f} MiB"
    assert ran.seconds < SECONDS, f"{ran.seconds:.1f} seconds"
    return ran


@pytest.fixture
def reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "LARGE", objects.LARGE * REDUCED // MIB)
    monkeypatch.setattr(objects, "_LEAST_WORK", objects._LEAST_WORK * REDUCED // MIB)
    monkeypatch.setattr(objects, "_LEAST_STREAMED", objects._LEAST_STREAMED * REDUCED // MIB)
    monkeypatch.setattr(command, "MOST_OUTPUT", command.MOST_OUTPUT * REDUCED // MIB)
    monkeypatch.setattr(object_reader, "STALL_SECONDS", 0.3)
    limits = Limits(size=16 * MIB, entries=1000)
    monkeypatch.setattr(Detector, "load", partial(Detector.load, limits=limits))


_LARGE = [name for name in BOMBS if "large pack" in name or "deltas that make" in name]
READERS = [*((name, "python") for name in BOMBS), *((name, "compiled") for name in _LARGE)]


@pytest.mark.usefixtures("reduced", "packs_read_by")
@pytest.mark.parametrize(("name", "packs_read_by"), READERS, indirect=["packs_read_by"])
def test_a_reduced_bomb_costs_only_itself(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = BOMBS[name]
    if bomb.make is endless_tree:
        monkeypatch.setattr(command, "SECONDS", 1.0)
        monkeypatch.setattr(object_reader, "SECONDS", 1.0)
    if name.startswith("cycles"):
        monkeypatch.setattr(command, "MEMORY", command.MEMORY // 16)
    repo = planted(tmp_path, bomb, REDUCED)
    target = f"file://{repo.path}" if bomb.url else repo.path
    report = scan([target], Scope((bomb.part,)), Auditor(jobs=1)).report
    assert problems_with(bomb, json.loads(render(report, "json")), reduced=True) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stays_within_time_and_memory(name: str, tmp_path: Path) -> None:
    measure(BOMBS[name], tmp_path)


def test_every_bomb_has_a_row_within_the_limits() -> None:
    rows = read_rows()
    assert [row.name for row in rows] == list(BOMBS)
    for row in rows:
        assert 0 < row.mebibytes < MEMORY // MIB, row
        assert 0 < row.seconds < SECONDS, row


def found_in_history(report: Report) -> bool:
    return any(place.path == "leak.txt" and place.commit for found in report.credentials for place in found.locations)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {Mint(20).user_token()}\n"})
    made.commit("fix", {"leak.txt": "gone\n"})
    return made


@pytest.mark.usefixtures("reduced")
def test_loose_objects_with_headers_that_are_wrong(repo: GitRepo) -> None:
    contents = [b"blob 100000000000000000000\0x", b"blob -1\0x", b"blob 7\0", b"\0", b"", b"bolb 1\0x"]
    names = [loose(repo.git_dir / "objects", content) for content in contents]
    report = scan([repo.path], Scope(HISTORY), Auditor(jobs=1)).report
    assert found_in_history(report)
    for name in names:
        assert any(name in each.where for each in report.skipped), name


ODD_ENTRIES: dict[str, Callable[[bytes], bytes]] = {
    "no name": lambda blob: b"100644 \0" + blob,
    "no mode": lambda blob: b" name\0" + blob,
    "cut": lambda blob: b"100644 name\0" + blob[:10],
    "slash": lambda blob: b"100644 a/b\0" + blob,
    "long mode": lambda blob: b"999999999999999999999999 x\0" + blob,
    "dots": lambda blob: b"100644 ../x\0" + blob,
    "odd name": lambda blob: b"100644 \xff\xfe\n\t\0" + blob,
    "no nul": lambda _: b"no nul at all",
    "wrong type": lambda blob: b"40000 x\0" + blob,
}


@pytest.mark.parametrize("entry", ODD_ENTRIES)
def test_a_tree_with_an_odd_entry(repo: GitRepo, entry: str) -> None:
    content = ODD_ENTRIES[entry](bytes.fromhex(repo.head("HEAD:leak.txt")))
    objects_folder = repo.git_dir / "objects"
    tree = loose(objects_folder, b"tree %d\0" % len(content) + content)
    person = "A <a@example.org> 1 +0000"
    commit = f"tree {tree}\nparent {repo.head()}\nauthor {person}\ncommitter {person}\n\nx"
    name = loose(objects_folder, b"commit %d\0" % len(commit) + commit.encode())
    (repo.git_dir / "refs" / "heads" / "odd").write_text(f"{name}\n")
    report = scan([repo.path], Scope(HISTORY), Auditor(jobs=1)).report
    assert found_in_history(report)
    assert not any("internal error" in each.reason for each in report.skipped)
