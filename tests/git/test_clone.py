"""Repositories named by URL are copied whole, and the copy goes away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.errors import UsageError
from tokenaudit.git.clone import cloned, is_clone_url, mirrored
from tokenaudit.git.command import GitError
from tokenaudit.interfaces import NullProgress


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def origin(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "origin")
    made.commit("first", {"a": "1"})
    made.git("update-ref", "refs/pr/3", "HEAD")
    made.note("a note")
    return made


class Told(NullProgress):
    """Keeps what progress is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.objects = 0

    def start(self, what: str, total: int | None = None) -> None:
        self.stages.append((what, total))

    def advance(self, objects: int = 1, size: int = 0) -> None:
        del size
        self.objects += objects


def test_every_ref_is_mirrored_and_the_copy_removed(origin: GitRepo, temporary: Path) -> None:
    told = Told()
    with cloned(f"file://{origin.path}", told) as path:
        copy = GitRepo(path, bare=True)
        assert copy.git("for-each-ref") == origin.git("for-each-ref")
        assert not (path / "hooks").exists()
    assert list(temporary.iterdir()) == []
    assert told.stages[0] == (f"cloning file://{origin.path}: receiving objects", 6)
    assert told.objects == 6


def test_a_failing_audit_removes_the_copy(origin: GitRepo, temporary: Path) -> None:
    with pytest.raises(KeyError), cloned(f"file://{origin.path}", NullProgress()):
        raise KeyError
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c true",
        "fd::17",
        "git://host/x",
        "ftp://host/x",
        "http://host/x",
        "https:///x",
        "https://-oProxyCommand=x/y",
        "ssh://-oProxyCommand=x/y",
        "https://host:port/x",
        "https://ho\nst/x",
    ],
)
def test_urls_that_run_programs_or_are_unsafe_are_refused(url: str) -> None:
    assert is_clone_url(url)
    with pytest.raises(UsageError) as raised, cloned(url, NullProgress()):
        pass
    assert "\n" not in str(raised.value)


def test_paths_are_no_urls(tmp_path: Path) -> None:
    odd = tmp_path / "user@host:x"
    odd.mkdir()
    assert not any(map(is_clone_url, [".", "/a/b", "C:\\x", "a@b", str(odd), "dir/a:b"]))
    assert is_clone_url("git@host.example:acme/m.git")


def test_a_failed_clone_is_one_line_without_the_password(temporary: Path) -> None:
    token = Mint(1).user_token()
    with pytest.raises(GitError) as raised, cloned(f"http://user:{token}@127.0.0.1:9/acme/m", NullProgress()):
        pass
    assert "\n" not in str(raised.value)
    assert token not in str(raised.value)
    assert list(temporary.iterdir()) == []


def test_a_missing_repository_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(GitError, match="does not appear to be a git repository"),
        cloned(f"file://{tmp_path}/absent", NullProgress()),
    ):
        pass


_HOLD = """
    import sys, time, tempfile
    tempfile.tempdir = sys.argv[1]
    from tokenaudit.git.clone import cloned
    from tokenaudit.interfaces import NullProgress
    with cloned(sys.argv[2], NullProgress()) as path:
        print(path, flush=True)
        time.sleep(60)
"""


def _holder(temporary: Path, origin: GitRepo) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_HOLD), str(temporary), f"file://{origin.path}"],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_terminated_program_leaves_no_copy(origin: GitRepo, temporary: Path) -> None:
    with _holder(temporary, origin) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        assert path.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []


def test_the_copy_of_a_killed_program_is_removed_by_the_next_one(origin: GitRepo, temporary: Path) -> None:
    with _holder(temporary, origin) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        with cloned(f"file://{origin.path}", NullProgress()):
            assert path.exists(), "a copy in use stays"
        process.kill()
    assert path.exists()
    with cloned(f"file://{origin.path}", NullProgress()):
        assert not path.exists()
    assert list(temporary.iterdir()) == []


def test_an_origin_with_programs_in_its_configuration_runs_none(origin: GitRepo, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand", "filter.x.smudge"):
        origin.git("config", key, str(program))
    origin.commit("attributes", {".gitattributes": "* filter=x\n", "b": "2"})
    mark.unlink(missing_ok=True)
    with cloned(f"file://{origin.path}", NullProgress()) as path:
        assert os.listdir(path)  # noqa: PTH208 - only whether there is anything
    assert not mark.exists()


def test_copies_made_side_by_side_leave_each_other_alone(origin: GitRepo, temporary: Path) -> None:
    def copy(_: int) -> bool:
        with cloned(f"file://{origin.path}", NullProgress()) as path:
            return GitRepo(path, bare=True).git("for-each-ref") == origin.git("for-each-ref")

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(copy, range(18)))
    assert list(temporary.iterdir()) == []


def test_a_mirror_that_is_made_again_is_never_half_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process must not leave a mirror without some of its packs: git would take it for an old one."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit("first", {"a": "1"})
    url, folder = repo.path.as_uri(), tmp_path / "cache" / "m.git"
    with mirrored(url, folder, NullProgress()):
        pass
    (folder / "config").write_text("[core\n")
    real = shutil.rmtree

    def killed(path: Path, **_: object) -> None:
        real(path / folder.name / "objects")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tokenaudit.git.tempdir.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            ExitStack().enter_context(mirrored(url, folder, NullProgress()))
    assert not folder.exists()
    with mirrored(url, folder, NullProgress()) as made:
        assert GitRepo(made, bare=True).head() == repo.head()
    assert {path.name for path in folder.parent.iterdir()} == {"m.git", "m.lock"}
