"""What lies in `.git` beside objects is read too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.posix import posix_only
from tests.support.toy import ToyExaminer
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local.git_dir import GitDirSource


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"a": "1"})
    return made


def scan(path: Path) -> list[Finding]:
    return list(GitDirSource(path, "place").findings(ScanContext(ToyExaminer())))


def places(path: Path, token: str) -> dict[str | None, Location]:
    found = scan(path)
    assert [item for item in found if isinstance(item, Skipped)] == []
    return {
        item.location.path: item.location
        for item in found
        if isinstance(item, LocatedDetection) and item.detection.secret.reveal() == token
    }


def test_a_token_in_a_remote_url(repo: GitRepo) -> None:
    token = Mint(1).user_token()
    repo.git("remote", "add", "hub", f"https://user:{token}@hub.example/acme/m")
    (location,) = places(repo.path, token).values()
    assert (location.source, location.path, location.target) == ("git-config", ".git/config", "place")
    assert location.line is not None
    line = (repo.path / ".git/config").read_text().splitlines()[location.line - 1]
    assert location.column == line.index(token) + 1


def test_hooks_logs_messages_and_info_files(repo: GitRepo) -> None:
    token = Mint(2).user_token()
    for name in ("hooks/pre-push", "logs/refs/heads/gone", "COMMIT_EDITMSG", "FETCH_HEAD", "info/exclude"):
        file = repo.git_dir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"x {token} y\n")
    assert {path: location.source for path, location in places(repo.path, token).items()} == {
        ".git/hooks/pre-push": "git-hook",
        ".git/logs/refs/heads/gone": "reflog",
        ".git/COMMIT_EDITMSG": "git-file",
        ".git/FETCH_HEAD": "git-file",
        ".git/info/exclude": "git-file",
    }


@pytest.mark.parametrize("packed", [False, True])
def test_a_token_in_a_ref_name_is_found_once(repo: GitRepo, *, packed: bool) -> None:
    token = Mint(3).user_token()
    repo.git("update-ref", f"refs/heads/use-{token}", "HEAD")
    if packed:
        repo.git("pack-refs", "--all")
    (location,) = places(repo.path, token).values()
    assert (location.source, location.path, location.line) == ("ref-name", f"refs/heads/use-{token}", None)


def test_configurations_of_worktrees_and_submodules(repo: GitRepo, tmp_path: Path) -> None:
    token = Mint(4).user_token()
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked))
    for name in ("worktrees/linked/config.worktree", "modules/sub/config"):
        file = repo.git_dir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'[remote "x"]\n\turl = https://{token}@hub.example/x\n')
    expected = {".git/worktrees/linked/config.worktree", ".git/modules/sub/config"}
    assert set(places(repo.path, token)) == expected
    assert set(places(linked, token)) == expected


def test_a_bare_repository_has_paths_of_its_own(tmp_path: Path) -> None:
    token = Mint(5).user_token()
    bare = GitRepo(tmp_path / "bare", bare=True)
    bare.git("config", "remote.x.url", f"https://{token}@hub.example/x")
    assert set(places(bare.path, token)) == {"config"}


def test_a_broken_repository_still_gives_its_configuration(tmp_path: Path) -> None:
    token = Mint(6).user_token()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text(f"url = https://{token}@hub.example/x\n")
    found = scan(tmp_path)
    assert [item.location.path for item in found if isinstance(item, LocatedDetection)] == [".git/config"]
    assert any(isinstance(item, Skipped) for item in found)


@posix_only
def test_links_and_pipes_are_left_alone(repo: GitRepo, tmp_path: Path) -> None:
    token = Mint(7).user_token()
    (tmp_path / "outside").write_text(token)
    (repo.git_dir / "hooks/link").symlink_to(tmp_path / "outside")
    os.mkfifo(repo.git_dir / "pipe")
    assert places(repo.path, token) == {}


def test_no_repository_is_one_skipped_line(tmp_path: Path) -> None:
    assert scan(tmp_path) == [Skipped("place", "not a git repository")]
