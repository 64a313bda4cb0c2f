"""Git is run so that a hostile repository can't run anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tokenaudit.git.command import GitError, GitLimitError, environment, git, reason, without_password


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"a.txt": "one\n"})
    return made


def test_output_is_given_as_bytes(repo: GitRepo) -> None:
    assert git("rev-parse", "HEAD", git_dir=repo.git_dir).decode().strip() == repo.head()


def test_programs_named_by_the_repository_do_not_run(repo: GitRepo, tmp_path: Path) -> None:
    """A file-system monitor and a hook leave their mark under plain git, and none under ours."""
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    repo.git("config", "core.fsmonitor", str(program))
    repo.git("config", "core.pager", str(program))
    repo.git("status")
    assert mark.exists()
    mark.unlink()
    git("status", cwd=repo.path)
    git("diff", "--cached", cwd=repo.path)
    assert not mark.exists()


def test_a_partial_clone_fetches_nothing(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repo.path}", str(clone))
    blob = repo.git("rev-parse", "HEAD:a.txt")
    with pytest.raises(GitError):
        git("cat-file", "blob", blob, git_dir=clone)
    assert blob not in GitRepo(clone, bare=True).git("cat-file", "--batch-all-objects", "--batch-check")


def test_the_callers_repository_settings_do_not_leak_in(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook's `GIT_DIR` must not redirect a scan of another place."""
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    assert git("rev-parse", "HEAD", cwd=repo.path).decode().strip() == repo.head()
    assert "GIT_INDEX_FILE" not in environment()
    assert environment(keep=["GIT_INDEX_FILE"])["GIT_INDEX_FILE"] == "/nonexistent/index"


def test_records_are_not_written_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`rev-list` and `log` otherwise flush after each record if the output is a pipe."""
    monkeypatch.setenv("GIT_FLUSH", "1")
    assert environment()["GIT_FLUSH"] == environment(network=True)["GIT_FLUSH"] == "0"


def test_a_complaint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"^not a git repository[^\n]*$"):
        git("rev-parse", "HEAD", cwd=tmp_path)
    with pytest.raises(GitError, match="is not a folder"):
        git("status", cwd=tmp_path / "absent")
    assert reason(b"warning: x\nfatal: no \x1b[31m at https://u:pw@host/x\n", 128) == "no ?[31m at https://host/x"
    assert reason(b"", -9) == "git was killed by signal 9"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host/repo", "https://host/repo"),
        ("https://token@host/repo.git?x=@", "https://host/repo.git?x=@"),
        ("https://user:p@ss@host/repo", "https://host/repo"),
        ("ssh://git@host/repo", "ssh://git@host/repo"),
        ("ssh://git:pass@host/repo", "ssh://host/repo"),
        ("https://host/@repo", "https://host/@repo"),
        ("git@host:repo", "git@host:repo"),
    ],
)
def test_passwords_are_left_out_of_urls(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_a_git_that_closes_its_output_and_does_not_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec >&- 2>&-\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(GitLimitError):
        git("status", cwd=tmp_path, seconds=0.2)
