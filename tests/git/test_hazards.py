"""Files of a repository that would hold up git: they are left out and named, and everything else is audited."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.measured import MEMORY, SECONDS, measured
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor
from tokenaudit.audit.auditor import scan as audit
from tokenaudit.audit.targets import Scope
from tokenaudit.model import Location, Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")

Make = Callable[[Path], None]
TIB = 1 << 40


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def sock(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket must be short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(TIB)


def link_to_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    fifo(path.with_name(f"{path.name}.target"))
    path.symlink_to(f"{path.name}.target")


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {Mint(30).user_token()}\n"})
    made.commit("fix", {"leak.txt": "gone\n"})
    made.tag("v1", "release")
    return made


class HangError(BaseException):
    """The audit did not end."""


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Fails the test in place of waiting for ever."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out beforehand is never waited for: git gets less time than the test."""
    monkeypatch.setattr("tokenaudit.git.command.SECONDS", 60.0)
    monkeypatch.setattr("tokenaudit.git.object_reader.STALL_SECONDS", 60.0)


def scan(target: Path | str, **scope: Any) -> Report:
    with ends_within(50):
        report = audit([target], Scope(**scope), Auditor(jobs=2)).report
    assert not any("internal error" in each.reason for each in report.skipped)
    return report


def places(report: Report) -> list[Location]:
    return [place for found in report.credentials for place in found.locations]


def finds(report: Report, *, with_commit: bool = True) -> None:
    assert [each for each in places(report) if (each.path == "leak.txt" and each.commit) or not with_commit]


def where(report: Report) -> list[str]:
    return [each.where for each in report.skipped]


def why(report: Report) -> str:
    return "\n".join(each.reason for each in report.skipped)


READ_BY_GIT = [
    "config",
    "HEAD",
    "index",
    "packed-refs",
    "commondir",
    "shallow",
    "config.worktree",
    "FETCH_HEAD",
    "info/grafts",
    "objects/info/alternates",
    "objects/info/commit-graph",
    "objects/pack/pack-0123456789012345678901234567890123456789.idx",
    "objects/pack/pack-0123456789012345678901234567890123456789.pack",
    "objects/pack/multi-pack-index",
    "objects/ab/cdef567890123456789012345678901234567890"[: len("objects/ab/") + 38],
    "refs/heads/pipe",
    "refs/pipe",
    "logs/HEAD",
    "logs/refs/heads/main",
    "worktrees/w/HEAD",
    "worktrees/w/index",
    "sharedindex.0123456789012345678901234567890123456789",
    "reftable/tables.list",
]


@pytest.mark.parametrize("name", READ_BY_GIT)
def test_a_pipe_where_git_reads_a_file(repo: GitRepo, name: str) -> None:
    fifo(repo.git_dir / name)
    ran = scan(repo.path)
    finds(ran)
    assert any(each.endswith(name) for each in where(ran)), ran.skipped
    assert "named pipe" in why(ran)


@pytest.mark.parametrize("make", [sock, device, sparse, link_to_fifo])
@pytest.mark.parametrize("name", ["config", "HEAD", "packed-refs", "refs/heads/x", "objects/info/alternates", "index"])
def test_other_files_that_never_end(repo: GitRepo, name: str, make: Make) -> None:
    make(repo.git_dir / name)
    ran = scan(repo.path)
    finds(ran)
    assert not ran.complete


@pytest.mark.parametrize("suffix", [".pack", ".idx"])
@pytest.mark.parametrize("make", [fifo, sparse])
def test_a_pack_that_is_no_file(repo: GitRepo, suffix: str, make: Make) -> None:
    repo.repack()
    repo.commit("loose leak", {"leak.txt": f"{Mint(31).user_token()}\n"})
    (pack,) = (repo.git_dir / "objects/pack").glob(f"*{suffix}")
    make(pack)
    ran = scan(repo.path)
    finds(ran, with_commit=False)
    assert any(pack.stem in each for each in where(ran))


def test_a_pipe_named_hook_mailmap_attributes_or_modules(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git looks for some of them in the folder in which it is started."""
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},module")
    repo.git("commit", "-q", "-m", "submodule")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head('HEAD~1')},module")
    for name in (".mailmap", ".gitattributes", ".gitmodules", ".gitignore", "data.bin"):
        fifo(repo.path / name)
    fifo(repo.git_dir / "hooks" / "pre-commit")
    fifo(repo.git_dir / "description")
    monkeypatch.chdir(repo.path)
    finds(scan("."))
    for options in ({"staged": True}, {"since": "HEAD~1"}):
        assert scan(".", **options).complete


def test_a_pipe_in_an_alternates_folder(repo: GitRepo, tmp_path: Path) -> None:
    other = GitRepo(tmp_path / "other")
    other.commit("more", {"x": "y"})
    fifo(other.git_dir / "objects/pack/pack-0123456789012345678901234567890123456789.idx")
    (repo.git_dir / "objects/info/alternates").write_text(f"{other.git_dir}/objects\n")
    ran = scan(repo.path)
    finds(ran)
    assert "named pipe" in why(ran)


@pytest.mark.parametrize("place", ["/", "/proc", "/dev", "/dev/zero", "/proc/self/fd/0", "../../.git/objects"])
def test_alternates_that_lead_anywhere(repo: GitRepo, place: str) -> None:
    (repo.git_dir / "objects/info/alternates").write_text(f"{place}\n")
    ran = scan(repo.path)
    finds(ran)


def test_alternates_that_lead_in_a_circle(repo: GitRepo, tmp_path: Path) -> None:
    other = GitRepo(tmp_path / "other")
    for one, two in ((repo, other), (other, repo)):
        (one.git_dir / "objects/info/alternates").write_text(f"{two.git_dir}/objects\n")
    ran = scan(repo.path)
    finds(ran)
    assert ran.complete


def test_a_configuration_that_includes_a_pipe(repo: GitRepo, tmp_path: Path) -> None:
    fifo(tmp_path / "included")
    with (repo.git_dir / "config").open("a") as config:
        config.write(f"[Include]\n\tpath = {tmp_path}/included\n")
    for options in ({}, {"since": "HEAD~1"}, {"staged": True}):
        ran = scan(repo.path, **options)
        assert ran.complete, ran.skipped
        if not options:
            finds(ran)


def test_a_repository_that_changes_is_read_again(repo: GitRepo, tmp_path: Path) -> None:
    fifo(tmp_path / "pipe")
    config = repo.path / ".git/config"
    good = config.read_text()
    hostile = f"{good}[include]\n\tpath = {tmp_path / 'pipe'}\n"
    config.write_text(hostile)
    before = places(scan(repo.path))
    config.write_text(good)
    new = repo.commit("new", {"new.py": f"t = '{Mint('changed').user_token()}'\n"})
    config.write_text(hostile)
    after = places(scan(repo.path))
    assert new in {place.commit for place in after} - {place.commit for place in before}


def test_staged_and_since_with_a_pipe(repo: GitRepo) -> None:
    repo.write("new.txt", f"{Mint(32).user_token()}\n")
    repo.git("add", "new.txt")
    base = repo.head("HEAD~1")
    fifo(repo.git_dir / "packed-refs")
    staged = scan(repo.path, staged=True)
    assert [each.path for each in places(staged)] == ["new.txt"]
    since = scan(repo.path, since=base)
    for ran in (staged, since):
        assert any("packed-refs" in each for each in where(ran))


@pytest.mark.parametrize("make", [fifo, sock, device, sparse])
def test_git_itself_is_no_folder(tmp_path: Path, make: Make) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "a.txt").write_text(f"{Mint(33).user_token()}\n")
    make(place / ".git")
    ran = scan(place)
    finds(ran, with_commit=False)
    assert not ran.complete


def test_folders_and_links_in_a_circle(repo: GitRepo) -> None:
    (repo.path / "loop").symlink_to(".")
    (repo.git_dir / "refs" / "loop").symlink_to("../refs")
    (repo.git_dir / "loop").symlink_to("loop")
    finds(scan(repo.path))


def test_a_sparse_file_in_the_working_tree_is_read_where_it_holds_something(repo: GitRepo) -> None:
    token = Mint(34).user_token()
    with (repo.path / "disk.img").open("wb") as file:
        file.write(b"first line\n")
        file.seek(TIB // 2)
        file.write(b"\n" + token.encode() + b"\n")
        file.truncate(TIB)
    ran = scan(repo.path, parts=("tree",))
    (place,) = places(ran)
    assert place.path == "disk.img"
    assert ran.complete


def test_a_substitute_reads_the_same_as_the_repository(repo: GitRepo, tmp_path: Path) -> None:
    """Refs, reflogs, the index and other working trees count as in the original."""
    repo.repack()
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"), "HEAD~1")
    other = GitRepo(tmp_path / "other")
    other.commit("detached", {"detached.txt": f"{Mint(35).user_token()}\n"})
    repo.switch("side", "main")
    repo.commit("branch", {"side.txt": f"{Mint(36).user_token()}\n"})
    repo.write("staged.txt", f"{Mint(37).user_token()}\n")
    repo.git("add", "staged.txt")
    repo.note(f"note {Mint(38).user_token()}")
    plain = scan(repo.path, parts=("history",))
    assert plain.complete
    with (repo.git_dir / "config").open("a") as config:
        config.write("[include]\n\tpath = nowhere\n")
    substituted = scan(repo.path, parts=("history",))
    assert substituted.complete

    def history(ran: Report) -> list[Location]:
        return [each for each in places(ran) if each.source != "git-config"]

    assert history(substituted) == history(plain)


@pytest.mark.parametrize("name", ["config", "objects/pack/pack-0123456789012345678901234567890123456789.idx"])
def test_the_command_stays_within_its_bounds(repo: GitRepo, tmp_path: Path, name: str) -> None:
    fifo(repo.git_dir / name)
    ran = measured("scan", repo.path, "-f", "json", home=tmp_path)
    assert ran.code == 1
    assert ran.peak < MEMORY
    assert ran.seconds < SECONDS
