"""Several small targets are read side by side, with the result that reading one after the other has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit import reading
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.audit.reading import SourceResult, _Division
from tokenaudit.audit.targets import Scope
from tokenaudit.forking import may_fork
from tokenaudit.interfaces import LocatedDetection, NullProgress
from tokenaudit.model import Report

pytestmark = pytest.mark.skipif(not may_fork(), reason="processes can't be forked here")


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Repositories with and without credentials, damaged and bare ones, a folder and a file."""
    folder = tmp_path_factory.mktemp("targets")
    mint = Mint(700)
    shared = mint.user_token()
    made: list[Path] = []
    for number in range(6):
        repo = GitRepo(folder / f"r{number}")
        repo.commit("first", {"a.py": f"x = {number}\n", ".github/workflows/w.yml": "on: push\njobs: {}\n"})
        made.append(repo.path)
    GitRepo(made[1]).commit("leak", {"leak.py": f"key = '{shared}'\n"})
    GitRepo(made[4]).commit("leak", {"other.py": f"key = '{shared}'\nother = '{mint.user_token()}'\n"})
    damaged = GitRepo(made[2])
    lost = damaged.head("HEAD:a.py")
    (damaged.git_dir / "objects" / lost[:2] / lost[2:]).write_bytes(b"damaged")
    GitRepo(folder / "empty")
    bare = GitRepo(folder / "bare.git", bare=True)
    GitRepo(made[0]).git("push", "-q", str(bare.path), "HEAD:refs/heads/main")
    workflow = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: hf auth login --token $HF_TOKEN\n"
    GitRepo(made[5]).commit("ci", {".github/workflows/w.yml": workflow})
    plain = folder / "plain"
    plain.mkdir()
    (plain / "b.txt").write_text("nothing\n")
    return [*made[:3], plain, *made[3:], folder / "empty", bare.path, plain / "b.txt"]


def _read(targets: Sequence[Path], jobs: int, scope: Scope | None = None, **named: object) -> Report:
    report = scan(targets, scope, Auditor(jobs=jobs, **named)).report  # type: ignore[arg-type]
    return replace(report, started_at=None, finished_at=None)  # type: ignore[arg-type]


_SCOPES = [None, Scope(parts=["history"]), Scope(parts=["tree", "ci"], required=["tree"])]


@pytest.mark.parametrize("scope", _SCOPES)
def test_the_result_is_that_of_reading_one_after_the_other(targets: Sequence[Path], scope: Scope | None) -> None:
    alone = _read(targets, 1, scope)
    assert len(alone.credentials) == 2
    assert alone.skipped
    assert len({each.target for each in alone.targets}) == len(targets)
    assert _read(targets, 2, scope) == alone
    assert _read(list(reversed(targets)), 3, scope).credentials == _read(list(reversed(targets)), 1, scope).credentials


def test_helpers_do_a_part_and_send_no_value(targets: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    take = _Division._take

    def taken(self: _Division, number: int, results: list[SourceResult]) -> None:
        sent.extend(each.target.target for each in results)
        assert not any(isinstance(finding, LocatedDetection) for each in results for finding in each.findings)
        take(self, number, results)

    monkeypatch.setattr(_Division, "_take", taken)
    monkeypatch.setattr(_Division, "taken", _only_helpers(os.getpid(), _Division.taken))
    alone = _read(targets, 1)
    assert not sent
    assert _read(targets, 2) == alone
    repositories = {str(each) for each in targets if each.name not in {"plain", "b.txt"}}
    assert set(sent) == repositories - {str(targets[1]), str(targets[5])}


def _only_helpers(own: int, taken: object) -> object:
    def limited(self: _Division) -> object:
        return iter(()) if os.getpid() == own else taken(self)  # type: ignore[operator]

    return limited


def test_what_a_dead_helper_took_is_read_here(targets: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _read(targets, 1)

    def dying(sender: Connection[object, object], number: int, division: _Division) -> None:
        del sender, number
        next(iter(division.taken()))
        os._exit(1)

    monkeypatch.setattr(reading, "_help", dying)
    assert _read(targets, 3) == alone


def test_notes_and_counts_of_helpers_reach_the_progress(
    targets: Sequence[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Counting(NullProgress):
        def __init__(self) -> None:
            self.objects = 0
            self.notes: list[str] = []

        def advance(self, objects: int = 1, size: int = 0) -> None:
            del size
            self.objects += objects

        def note(self, message: str) -> None:
            self.notes.append(message)

    GitRepo(tmp_path / "long", object_format="sha256").commit("first", {"a.py": "x = 1\n"})
    chosen = [targets[0], targets[6], tmp_path / "long", targets[7]]
    alone, together = Counting(), Counting()
    _read(chosen, 1, progress=alone)
    monkeypatch.setattr(_Division, "taken", _only_helpers(os.getpid(), _Division.taken))
    _read(chosen, 2, progress=together)
    assert alone.objects == together.objects > 0
    assert alone.notes == together.notes
    assert any("sha256" in note for note in together.notes)
