"""What a repository ought to have and hasn't is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tokenaudit.git.reachability import MissingObjects


def missing(repo: GitRepo) -> list[tuple[str, str]]:
    with MissingObjects(repo.git_dir) as found:
        return [(each.id, each.reason) for each in found.found()]


def lose(repo: GitRepo, name: str) -> None:
    (repo.git_dir / "objects" / name[:2] / name[2:]).unlink()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo(tmp_path / "repo")
    repo.commit("first", {"folder/a.txt": "a\n", "b.txt": "b\n"})
    repo.commit("second", {"c.txt": "c\n"})
    return repo


def test_a_whole_repository_and_an_empty_one_lack_nothing(repo: GitRepo, tmp_path: Path) -> None:
    assert missing(repo) == missing(GitRepo(tmp_path / "empty")) == []


@pytest.mark.parametrize("name", ["HEAD:folder/a.txt", "HEAD:folder"])
def test_a_lost_blob_or_tree_is_named(repo: GitRepo, name: str) -> None:
    lost = repo.head(name)
    lose(repo, lost)
    assert missing(repo) == [(lost, "the object is missing")]


def test_a_lost_commit_is_told_in_gits_words(repo: GitRepo) -> None:
    lost = repo.head("HEAD~1")
    lose(repo, lost)
    ((_, reason),) = missing(repo)
    assert lost in reason


def test_what_only_the_index_or_a_reflog_needs_counts(repo: GitRepo) -> None:
    repo.write("staged.txt", "staged\n")
    repo.git("add", "staged.txt")
    lost = repo.head(":staged.txt")
    lose(repo, lost)
    assert missing(repo) == [(lost, "the object is missing")]


def test_leaving_early_stops_git(repo: GitRepo) -> None:
    with MissingObjects(repo.git_dir) as walk:
        process = walk._process
    assert process.poll() is not None
