"""What packs tell of introductions is what git tells that compares every commit with its parents."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.git.test_store import SHAPES
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit.git.attribution import Introduction, Marks, attribute
from tokenaudit.git.layout import open_repository
from tokenaudit.git.objects import GitObject
from tokenaudit.git.store import Plan, plan

_numbers = itertools.count()


def both(path: Path, words: list[str]) -> tuple[list[Introduction], list[Introduction]]:
    """Introductions of `words` as worked out from packs and as git tells them."""
    work = plan(open_repository(path), 2, small=0)
    assert work.lineage() is not None
    return _sorted(path, marks_of(work, words), work, packs=True), _sorted(path, marks_of(work, words), work)


def marks_of(work: Plan, words: list[str]) -> Marks:
    found = {
        item.id: frozenset(word for word in words if word.encode() in item.data)
        for share in work.shares
        for item in share.read()
        if isinstance(item, GitObject) and item.type == "blob"
    }
    return {blob: seen for blob, seen in found.items() if seen}


def _sorted(path: Path, marks: Marks, work: Plan, *, packs: bool = False) -> list[Introduction]:
    git_dir = open_repository(path).git_dir
    result = attribute(git_dir, marks, work.commits, 2, work.lineage if packs else lambda: None)
    assert result.incomplete == []
    return sorted(result.introductions, key=repr)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), shape=st.sampled_from(SHAPES), files=st.integers(1, 8))
def test_random_repositories(tmp_path: Path, seed: int, shape: Callable[[GitRepo], None], files: int) -> None:
    """Edits, removals, renames, copies and merges, however they are packed."""
    home = tmp_path / f"{next(_numbers)}"
    mint = Mint(seed)
    tokens = [mint.user_token() for _ in range(3)]
    repo = random_repository(home / "repo", seed, commits=60, files=files, plant=tokens)
    shape(repo)
    ours, theirs = both(repo.path, [*tokens, "word7 "])
    assert ours == theirs
    shutil.rmtree(home)


def test_many_versions_of_a_large_folder(tmp_path: Path) -> None:
    """Trees of which most are deltas, several levels deep, with hundreds of holders at a level."""
    dice = random.Random(5)
    repo = GitRepo(tmp_path / "repo")
    names = [f"{top}/{middle}/file {number}" for top in "ab" for middle in "xy" for number in range(40)]
    for number in range(250):
        name = dice.choice(names)
        text = dice.choice(["one", "two", "neither"]) + f" {dice.randrange(6)}\n"
        repo.commit(f"change {number}", {name: text})
    repo.git("repack", "-adfq", "--depth=50", "--window=50")
    ours, theirs = both(repo.path, ["one 3", "two"])
    assert ours == theirs
    assert len(ours) > 30


def test_unreachable_notes_and_merges_that_move(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit("start", {"a.txt": "nothing\n", "keep.txt": "x\n"})
    repo.git("checkout", "-qb", "side")
    repo.commit("brings", {"a.txt": "secret\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("other", {"b.txt": "y\n"})
    repo.git("merge", "-q", "--no-commit", "--no-ff", "side")
    (repo.path / "a.txt").unlink()
    repo.commit("a merge that moves it", {"moved/a.txt": "secret\n"})
    repo.git("notes", "add", "-m", "secret", "HEAD")
    repo.git("checkout", "-qb", "lost")
    repo.commit("lost", {"lost.txt": "secret again\n"})
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-qD", "lost")
    repo.git("repack", "-adfkq")
    ours, theirs = both(repo.path, ["secret"])
    assert ours == theirs
    assert {item.reachable for item in ours} == {True, False}
    assert any(item.is_note for item in ours)
    assert {item.path for item in ours if item.in_head} == {"moved/a.txt"}


def test_a_shallow_clone_begins_where_it_begins(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    for number in range(6):
        repo.commit(f"{number}", {"a.txt": "secret\n" * (number % 3), f"{number}": "x"})
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth=3", f"file://{repo.path}", str(clone))
    ours, theirs = both(clone, ["secret"])
    assert ours == theirs != []


@pytest.mark.parametrize("lost", ["HEAD~2", "HEAD~2^{tree}"])
def test_gaps_are_left_to_git(tmp_path: Path, lost: str) -> None:
    repo = GitRepo(tmp_path / "repo")
    for number in range(5):
        repo.commit(f"{number}", {"a.txt": f"secret {number}\n"})
    name = repo.git("rev-parse", lost).strip()
    (repo.git_dir / "objects" / name[:2] / name[2:]).unlink()
    assert plan(open_repository(repo.path), 1, small=0).lineage() is None
