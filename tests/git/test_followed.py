"""A repository that lies elsewhere is read, and the report says from where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {Mint(40).user_token()}\n"})
    return made


def linked(repo: GitRepo, place: Path) -> Path:
    shutil.copytree(repo.path, place, ignore=shutil.ignore_patterns(".git"))
    (place / ".git").symlink_to(repo.git_dir)
    return repo.git_dir


def named(repo: GitRepo, place: Path) -> Path:
    place.mkdir()
    (place / ".git").write_text(f"gitdir: {repo.git_dir}\n")
    return repo.git_dir


def worktree(repo: GitRepo, place: Path) -> Path:
    repo.git("worktree", "add", "-q", "--detach", str(place))
    return repo.git_dir


def borrowing(repo: GitRepo, place: Path) -> Path:
    repo.git("clone", "-q", "--shared", str(repo.path), str(place))
    return repo.git_dir / "objects"


@pytest.mark.parametrize("make", [linked, named, worktree, borrowing])
def test_a_repository_elsewhere_is_read_and_named(
    repo: GitRepo, tmp_path: Path, make: Callable[[GitRepo, Path], Path]
) -> None:
    elsewhere = make(repo, tmp_path / "place")
    report = scan([tmp_path / "place"], auditor=Auditor(jobs=1)).report
    assert report.complete or make is linked, report.skipped  # a link out of the target is skipped as a file
    assert report.credentials
    assert {folder for target in report.targets for folder in target.followed} == {elsewhere.resolve().as_posix()}


def test_a_repository_of_its_own_leads_nowhere(repo: GitRepo) -> None:
    report = scan([repo.path], auditor=Auditor(jobs=1)).report
    assert [target.followed for target in report.targets if target.followed] == []
