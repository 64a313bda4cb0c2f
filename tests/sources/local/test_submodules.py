"""Submodules of all refs are reported, also where an earlier scan has told where they are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tokenaudit.detect import Detector
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.pack.tips import TipFinder
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
    trees = list({each.tree: None for each in submodules._ask(opened.git_dir, list(opened.refs.values()))})
    expected = {tree: frozenset(submodules._gitlinks(opened.git_dir, tree)) for tree in trees}
    assert submodules._gitlinks_of_trees(opened.git_dir, trees) == expected
    assert submodules._gitlinks_of_trees(opened.git_dir, trees[::-1]) == expected
    assert len(set(expected.values())) > 3


@pytest.mark.parametrize("seed", range(2))
def test_where_submodules_are_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Only new tips are looked at, with the findings of a scan that knows nothing."""
    monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)
    monkeypatch.setattr(submodules, "_MOST_TREES", 4)
    monkeypatch.setattr(TipFinder, "tips_with", lambda *_: None)
    dice = random.Random(seed)
    repo, state = GitRepo(tmp_path / "repo"), tmp_path / "state"
    listed = "".join(f'[submodule "{name}"]\n\tpath = {name}\n\turl = https://example.org/{name}\n' for name in "abc")
    repo.commit("add", {".gitmodules": listed})
    asked: set[str] = set()
    real = submodules._types

    def recorded(git_dir: Path, tips: Sequence[str], path: str) -> list[str]:
        asked.update(tips)
        return real(git_dir, tips, path)

    monkeypatch.setattr(submodules, "_types", recorded)

    def branch(names: str) -> None:
        repo.git("read-tree", "main")
        for name in names:
            repo.git("update-index", "--add", "--cacheinfo", f"160000,{dice.randrange(1, 5):040x},{name}")
        if dice.random() < 0.1:
            repo.git("rm", "-q", "--cached", ".gitmodules")
        tree = repo.git("write-tree")
        commit = repo.git("commit-tree", tree, "-p", "main", "-m", f"{dice.random()}")
        repo.git("update-ref", f"refs/heads/branch-{dice.randrange(8)}", commit)

    def scan(state: Path | None) -> list[object]:
        asked.clear()
        return list(HistorySource(repo.path, "place", state, has_files=False).findings(ScanContext(DETECTOR)))

    before: set[str] = set()
    for _ in range(14):
        change = dice.randrange(6)
        if change == 0:
            repo.git("symbolic-ref", "HEAD", dice.choice(repo.git("for-each-ref", "--format=%(refname)").split()))
        elif change == 1:
            repo.git("gc", "-q", "--prune=now")
        elif change > 2:
            branch("".join(dice.sample("abc", dice.randrange(4))))
        full = scan(None)
        tips = set(asked)
        assert scan(state) == full
        assert asked <= tips - before or change == 1, "objects can be gone"
        before = tips
    assert len(full) > 2


class Tips:
    """Refs to trees of all kinds, with a `.gitmodules` or something alike."""

    def __init__(self, repo: GitRepo, dice: random.Random) -> None:
        self.repo, self.dice = repo, dice
        self.blobs = [repo.blob(f"{number}".encode()) for number in range(3)]
        self.commits: list[str] = []
        self.number = 0

    def tree(self) -> str:
        names = [".git", ".gitattributes", ".gitmodule", ".gitmodules", ".gitmodules2", ".gitmodules", "a", "z", "\n"]
        entries: dict[str, str] = {}
        for name in self.dice.sample(names, self.dice.randrange(1, len(names))):
            folder = self.repo.git("mktree", stdin=b"100644 blob %s\tx\n" % self.dice.choice(self.blobs).encode())
            link = "".join(self.dice.choices("0123456789abcdef", k=40))
            entries[name] = self.dice.choice(
                [f"160000 commit {link}", f"40000 tree {folder}", f"120000 blob {self.blobs[0]}"]
                + [f"100644 blob {blob}" for blob in self.blobs]
            )
        listed = "".join(f"{entry}\t{name}\0" for name, entry in entries.items())
        return self.repo.git("mktree", "-z", "--missing", stdin=listed.encode())

    def commit(self) -> str:
        parents = [part for parent in self.commits[-1:] for part in ("-p", parent)]
        date = {"GIT_COMMITTER_DATE": f"{1_600_000_000 + self.dice.randrange(1000)} +0000"}
        self.commits.append(self.repo.git("commit-tree", self.tree(), *parents, "-m", "x", env=date))
        return self.commits[-1]

    def tag(self, target: str) -> str:
        kind = self.repo.git("cat-file", "-t", target)
        text = f"object {target}\ntype {kind}\ntag t\ntagger A <a@example.org> 1600000000 +0000\n\n{self.number}\n"
        return self.repo.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=text.encode())

    def add(self) -> None:
        self.number += 1
        made = [self.commit(), self.commit(), self.commit(), self.tree(), self.blobs[0]]
        target = self.dice.choice(made)
        while self.dice.random() < 0.3:
            target = self.tag(target)
        self.repo.git("update-ref", f"refs/tags/{self.number}", target)


def whole_or_none(path: Path) -> list[tuple[str, str]] | None:
    """The trees with a `.gitmodules` and their tips without git, after a comparison with what git says."""
    opened = open_repository(path)
    tips = list(dict.fromkeys(opened.refs.values()))
    found = plan(opened, 1, small=0).tips_with(b".gitmodules", tips, 5)
    if found is None:
        return None
    assert [each[:2] for each in found] == [each[:2] for each in submodules._ask(opened.git_dir, tips)]
    last = {each.tree: each for each in found}
    dated = [each for each in list(last.values())[:5] if each.time]
    dates = [GitRepo(path, bare=True).git("log", "-1", "--format=%ct", each.tip) for each in dated]
    assert [f"{each.time}" for each in dated] == dates
    return [each[:2] for each in found]


@pytest.mark.parametrize("seed", range(3))
def test_trees_with_submodules_are_those_that_git_finds(tmp_path: Path, seed: int) -> None:
    """Branches, tags of tags, trees and blobs; files, links, folders and submodules; packed, loose and borrowed."""
    repo = GitRepo(tmp_path / "repo", bare=True)
    tips = Tips(repo, random.Random(seed))
    for number in range(14):
        tips.add()
        if number == 7:
            repo.git("repack", "-qd")
    repo.git("update-ref", "refs/heads/main", tips.commit())
    assert whole_or_none(repo.path)
    repo.git("repack", "-qd")
    packed = whole_or_none(repo.path)
    assert packed
    repo.git("clone", "-q", "--mirror", "--shared", str(repo.path), str(tmp_path / "shared"))
    borrowed = whole_or_none(tmp_path / "shared")
    assert borrowed
    assert set(borrowed) == set(packed)


ID = b"x" * 20
UNSORTED = b"100644 z\0" + ID + b"100644 .gitmodules\0" + ID
MALFORMED = [b"100644 .gitmodules\0", b"0 .gitmodules\0" + ID, b"100644 \0" + ID + b"100644 .gitmodules\0" + ID]


@pytest.mark.parametrize("tree", [None, b"", b"100644 .gitmodules\0" + ID, UNSORTED, *MALFORMED])
def test_git_is_asked_about_unusual_trees(tmp_path: Path, tree: bytes | None) -> None:
    """Malformed and missing ones. A `.gitmodules` that is missing, or not found in an unsorted tree, is none."""
    repo = GitRepo(tmp_path / "repo", bare=True)
    repo.git("update-ref", "refs/tags/1", Tips(repo, random.Random(1)).commit())
    name = "1" * 40
    if tree is not None:
        name = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree)
    text = f"tree {name}\nauthor A <a@example.org> 1 +0000\ncommitter A <a@example.org> 1 +0000\n\nx\n"
    commit = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode())
    (repo.git_dir / "refs/tags/2").write_text(f"{commit}\n")
    found = whole_or_none(repo.path)
    assert (found is None) == (tree is None or tree in MALFORMED)


def test_a_malformed_tree_without_submodules_prevents_nothing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo", bare=True)
    tips = Tips(repo, random.Random(1))
    for number in range(5):
        repo.git("update-ref", f"refs/tags/{number}", tips.commit())
    before = whole_or_none(repo.path)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"100644 a\0" + ID[1:])
    repo.git("update-ref", "refs/tags/bad", tree)
    opened = open_repository(repo.path)
    found = plan(opened, 1, small=0).tips_with(b".gitmodules", list(opened.refs.values()), 5)
    assert found is not None
    assert [each[:2] for each in found] == before != []
