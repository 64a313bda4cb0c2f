"""A repository that lies elsewhere is read, and the report says from where."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.audit.targets import Part, Scope
from tokenaudit.report import render

TREE: tuple[Part] = ("tree",)


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
    assert report.complete, report.skipped
    assert report.credentials
    assert {folder for target in report.targets for folder in target.followed} == {elsewhere.resolve().as_posix()}
    for name in ("text", "markdown", "html", "json", "sarif", "gitlab", "junit"):
        assert plain(render(report, name)).count(plain(elsewhere.resolve().as_posix())) >= 1, name


def plain(text: str) -> str:
    """Without what a format does to names: entities, broken lines."""
    return re.sub(r"[^\w]", "", re.sub(r"&#?\w+;", "", text)).replace("_", "")


@pytest.mark.parametrize("make", [linked, named])
def test_without_its_history_the_link_is_one_that_is_not_read(
    repo: GitRepo, tmp_path: Path, make: Callable[[GitRepo, Path], Path]
) -> None:
    make(repo, tmp_path / "place")
    report = scan([tmp_path / "place"], auditor=Auditor(jobs=1), scope=Scope(TREE)).report
    assert not any(target.followed for target in report.targets)
    assert [each.where.endswith(".git") for each in report.skipped] == [True] * (make is linked)


@pytest.mark.parametrize("make", [linked, named, worktree])
def test_a_nested_working_tree_whose_repository_is_elsewhere_is_not_clean(
    repo: GitRepo, tmp_path: Path, make: Callable[[GitRepo, Path], Path]
) -> None:
    (tmp_path / "place").mkdir()
    elsewhere = make(repo, tmp_path / "place" / "inner")
    report = scan([tmp_path / "place"], auditor=Auditor(jobs=1)).report
    (skipped,) = report.skipped
    assert skipped.where.endswith("inner/.git")
    assert str(elsewhere.resolve()) in skipped.reason
    assert scan([tmp_path / "place", repo.path], auditor=Auditor(jobs=1)).report.complete


def test_a_repository_of_its_own_leads_nowhere(repo: GitRepo) -> None:
    report = scan([repo.path], auditor=Auditor(jobs=1)).report
    assert [target.followed for target in report.targets if target.followed] == []
