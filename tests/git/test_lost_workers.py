"""A worker that is killed, stopped in the middle of a message or never started loses nothing without a word."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.git.test_parallel import Literal
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit import forking
from tokenaudit.detect import Detector
from tokenaudit.forking import MOST_PARTS, PartQueue
from tokenaudit.git import parallel
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import ScanBatch
from tokenaudit.interfaces import LocatedDetection, PrefilterResult, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local import parallel as files
from tokenaudit.sources.local.filesystem import TreeSource

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
HERE = os.getpid()
TOKEN = Mint(5).user_token()


def cut_message(sender: object, *_: object) -> None:
    """A worker that announces 256 bytes and is killed after four."""
    os.write(sender.fileno(), b"\0\0\1\0four")  # type: ignore[attr-defined]
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at_once(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Literal):
    """Kills the worker that reads a certain object."""

    def look(self, data: bytes) -> PrefilterResult:
        if TOKEN.encode() in data and os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().look(data)


def searched(repo: GitRepo, watcher: Literal, jobs: int) -> list[ScanBatch]:
    work = plan(open_repository(repo.path), jobs, small=0)
    assert len(work.partitions) > 1
    return list(parallel.search(work.partitions, watcher, jobs))


def refuse(after: int) -> Callable[..., object]:
    """Starts workers until there are `after`."""
    started = iter(range(after))
    real = forking._start_helper

    def start(*args: object) -> object:
        if next(started, None) is None:
            raise BlockingIOError
        return real(*args)  # type: ignore[arg-type]

    return start


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    monkeypatch.setattr(parallel, "SMALL_WORK", 0)
    return random_repository(tmp_path / "repo", 3, commits=10, plant=[TOKEN, "another word"])


@pytest.mark.parametrize("work", [cut_message, killed_at_once])
def test_a_lost_worker_of_a_history_is_reported(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, work: Callable[..., None]
) -> None:
    monkeypatch.setattr(parallel, "_work", work)
    reasons = [
        item.reason for batch in searched(repo, Literal([b"another", TOKEN.encode()]), 2) for item in batch.unread
    ]
    assert reasons == ["worker exited unexpectedly"] * 2 + ["workers exited unexpectedly"]


def test_the_other_workers_finish(repo: GitRepo) -> None:
    batches = searched(repo, Deadly([b"another", TOKEN.encode()]), 4)
    lost = [item.reason for batch in batches for item in batch.unread]
    assert "worker exited unexpectedly" in lost
    assert sum(batch.objects for batch in batches) > 0


@pytest.mark.parametrize("after", [0, 1])
def test_a_history_is_searched_with_fewer_workers_than_wanted(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    words = Literal([b"another", TOKEN.encode()])
    alone = {hit for batch in searched(repo, words, 1) for hit in batch.hits}
    monkeypatch.setattr(forking, "_start_helper", refuse(after))
    batches = searched(repo, words, 3)
    assert {hit for batch in batches for hit in batch.hits} == alone != set()
    assert [item for batch in batches for item in batch.unread] == []


def _tree(folder: Path) -> set[str]:
    tokens = set()
    for number in range(260):
        token = Mint(number).user_token() if number % 50 == 0 else ""
        (folder / f"{number}.py").write_text(f"import os  # {number}\n{token}\n")
        tokens |= {token} - {""}
    return tokens


def _killed_by(mark: str) -> Callable[..., object]:
    real = files.examine_file

    def examine(path: str, scanner: object) -> object:
        if path.endswith(mark) and os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, scanner)  # type: ignore[arg-type]

    return examine


@pytest.mark.parametrize("how", ["cut message", "killed", "killed by a file", "not started", "one started"])
def test_files_of_a_lost_worker_are_read_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    tokens = _tree(tmp_path)
    monkeypatch.setattr(files, "_SERIAL_SECONDS", 0.0)
    monkeypatch.setattr(files, "_AT_ONCE", 8)
    if how in ("cut message", "killed"):
        monkeypatch.setattr(files, "_help", cut_message if how == "cut message" else killed_at_once)
    elif how == "killed by a file":
        monkeypatch.setattr(files, "examine_file", _killed_by("0.py"))
    else:
        monkeypatch.setattr(forking, "_start_helper", refuse(0 if how == "not started" else 1))
    run = ScanContext(Detector.load(), jobs=4)
    found = list(TreeSource(tmp_path, "here").findings(run))
    assert {item.detection.secret.reveal() for item in found if isinstance(item, LocatedDetection)} == tokens
    assert [item for item in found if isinstance(item, Skipped)] == []
    assert run.objects == 260


def test_a_queue_takes_as_many_parts_as_fit_into_the_smallest_pipe() -> None:
    queue = PartQueue(range(MOST_PARTS))
    assert list(queue) == list(range(MOST_PARTS))
    assert list(queue) == []
    queue.close()
