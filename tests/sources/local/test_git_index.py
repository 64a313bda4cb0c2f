"""The index is judged by what the next commit would introduce."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local.git_index import StagedSource


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def scan(repo: GitRepo) -> list[Finding]:
    return list(StagedSource(repo.path, "place").findings(ScanContext(ToyExaminer())))


def places(repo: GitRepo) -> list[Location]:
    found = scan(repo)
    assert [item for item in found if isinstance(item, Skipped)] == []
    return [item.location for item in found if isinstance(item, LocatedDetection)]


def test_a_staged_token_before_the_first_commit(repo: GitRepo) -> None:
    repo.write("dir/a.py", f"key = '{Mint(1).user_token()}'\n")
    assert scan(repo) == []
    repo.git("add", ".")
    (location,) = places(repo)
    assert (location.source, location.path, location.line, location.column) == ("staged", "dir/a.py", 1, 8)
    assert (location.commit, location.target) == (None, "place")


def test_the_index_counts_and_not_the_working_tree(repo: GitRepo) -> None:
    repo.commit("first", {"a": "1\n"})
    repo.write("a", f"{Mint(2).user_token()}\n")
    repo.git("add", "a")
    repo.write("a", "clean\n")
    assert [location.path for location in places(repo)] == ["a"]


def test_what_head_already_has_is_not_told_again(repo: GitRepo) -> None:
    mint = Mint(3)
    old, new = mint.user_token(), mint.user_token()
    repo.commit("leak", {"a": f"{old}\n", "moved": f"{old}\n"})
    repo.git("mv", "moved", "dir")
    repo.write("a", f"{old}\n{new}\n")
    repo.git("add", ".")
    (found,) = [item for item in scan(repo) if isinstance(item, LocatedDetection)]
    assert found.detection.secret.reveal() == new
    assert (found.location.path, found.location.line) == ("a", 2)


def test_a_copy_of_an_old_token_is_new(repo: GitRepo) -> None:
    token = Mint(4).user_token()
    repo.commit("leak", {"a": token})
    repo.write("b", token)
    repo.git("add", "b")
    assert [location.path for location in places(repo)] == ["b"]


def test_a_removed_file_is_nothing(repo: GitRepo) -> None:
    repo.commit("leak", {"a": Mint(5).user_token()})
    repo.git("rm", "-q", "a")
    assert places(repo) == []


def test_the_index_of_a_hook_is_the_one_it_names(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`git commit FILE` hands its hook a temporary index; an index of another repository is ignored."""
    repo.commit("first", {"a": "1\n"})
    repo.write("a", Mint(6).user_token())
    temporary = repo.git_dir / "next-index-1.lock"
    repo.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": str(temporary)})
    repo.git("add", "a", env={"GIT_INDEX_FILE": str(temporary)})
    assert places(repo) == []
    monkeypatch.setenv("GIT_INDEX_FILE", str(temporary))
    assert [location.path for location in places(repo)] == ["a"]
    outer = GitRepo(tmp_path / "outer")
    outer.write("x", Mint(7).user_token())
    outer.git("add", "x")
    monkeypatch.setenv("GIT_INDEX_FILE", str(outer.git_dir / "index"))
    assert places(repo) == []


def test_a_linked_worktree_has_its_own_index(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("first", {"a": "1\n"})
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    linked.write("b", Mint(8).user_token())
    linked.git("add", "b")
    assert [location.path for location in places(linked)] == ["b"]
    assert places(repo) == []


def test_odd_names_and_submodules(repo: GitRepo, tmp_path: Path) -> None:
    repo.write("a\nb", Mint(9).user_token())
    repo.git("add", ".")
    inner = GitRepo(tmp_path / "repo/inner")
    inner.commit("first")
    repo.git("add", "inner")
    assert [location.path for location in places(repo)] == ["a\nb"]


def test_no_repository_is_one_skipped_line(tmp_path: Path) -> None:
    (found,) = StagedSource(tmp_path, "place").findings(ScanContext(ToyExaminer()))
    assert isinstance(found, Skipped)
    assert "not a git repository" in found.reason
