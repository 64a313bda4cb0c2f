"""Submodules of all refs are reported, also where an earlier scan has told where they are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tokenaudit.detect import Detector
from tokenaudit.git.layout import open_repository
from tokenaudit.interfaces import ScanContext
from tokenaudit.sources.local import submodules
from tokenaudit.sources.local.git_history import HistorySource

DETECTOR = Detector.load()


@pytest.mark.parametrize("seed", range(3))
def test_submodules_of_many_branches_are_those_of_each_one(tmp_path: Path, seed: int) -> None:
    """Added, removed, replaced by files and folders, and with names that look like git's output."""
    dice = random.Random(seed)
    repo = GitRepo(tmp_path / "repo")
    repo.commit("add", {".gitmodules": "", "file": "a"})
    names = ["lib", "lib/deep", "my lib", "a\nb", ":160000 160000 a b M", "file"]
    for number in range(12):
        repo.git("switch", "-qc", f"branch-{number}")
        for name in dice.sample(names, 3):
            repo.git("rm", "-rq", "--cached", "--ignore-unmatch", "--", f":(literal){name}")
            if dice.random() < 0.6:
                link = "".join(dice.choices("0123456789abcdef", k=40))
                repo.git("update-index", "--add", "--replace", "--cacheinfo", "160000", link, name)
            elif dice.random() < 0.5:
                repo.git("update-index", "--add", "--replace", "--cacheinfo", "100644", repo.blob(b"x"), name)
        repo.git("commit", "-qm", "change", "--allow-empty")
    opened = open_repository(repo.path)
    trees, more = submodules._trees(opened)
    assert more == 0
    expected = {tree: frozenset(submodules._gitlinks(opened.git_dir, tree)) for tree in trees}
    assert dict(submodules._gitlinks_of_all(opened.git_dir, trees)) == expected
    assert len(set(expected.values())) > 3


def test_where_submodules_are_is_remembered_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)
    monkeypatch.setattr(submodules, "_MOST_TREES", 4)
    repo, state = GitRepo(tmp_path / "repo"), tmp_path / "state"
    listed = "".join(f'[submodule "{name}"]\n\tpath = {name}\n\turl = https://example.org/{name}\n' for name in "abc")
    repo.commit("add", {".gitmodules": listed})
    for number, names in enumerate(("a", "", "ab", "a", "b", "c")):
        repo.git("switch", "-qc", f"branch-{number}", "main")
        for name in names:
            repo.git("update-index", "--add", "--cacheinfo", f"160000,{number + 1:040x},{name}")
        repo.git("commit", "-qm", f"{number}", "--allow-empty")
    repo.git("switch", "-q", "main")
    asked: list[int] = []
    real = submodules._types
    monkeypatch.setattr(submodules, "_types", lambda *given: (asked.append(1), real(*given))[1])  # type: ignore[func-returns-value]

    def scan(state: Path | None) -> list[object]:
        asked.clear()
        return list(HistorySource(repo.path, "place", state, has_files=False).findings(ScanContext(DETECTOR)))

    def agree(*, is_remembered: bool) -> list[object]:
        before = scan(None)
        assert asked
        assert scan(state) == before
        assert (not asked) == is_remembered
        return before

    found = agree(is_remembered=False)
    assert len(found) == 3, "two paths, and three trees that were not looked for"
    assert agree(is_remembered=True) == found
    repo.git("switch", "-q", "branch-2")  # HEAD has another tree
    agree(is_remembered=False)
    agree(is_remembered=True)
    repo.git("gc", "-q")
    agree(is_remembered=True)
    repo.git("branch", "-D", "-q", "branch-0")
    agree(is_remembered=False)
    repo.git("update-ref", "refs/heads/branch-9", "branch-5")
    repo.git("rm", "-q", "--cached", ".gitmodules", "a", "b")
    repo.git("commit", "-qm", "no more")
    agree(is_remembered=False)
    agree(is_remembered=True)
