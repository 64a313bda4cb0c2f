"""What git says of commits' changes is read within bounds, whatever the commits are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.git import log
from tokenaudit.git.command import git
from tokenaudit.git.log import MOST_PARENTS, changes
from tokenaudit.git.reachability import MissingObjects


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {Mint(91).user_token()}\n"})
    return made


def octopus(repo: GitRepo, parents: int, content: bytes) -> str:
    """A commit that changes one file against each of its many (equal) parents."""
    blob = repo.git("hash-object", "-w", "--stdin", stdin=content)
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tmerged.txt\n".encode())
    person = "A <a@example.org> 1 +0000"
    lines = f"parent {repo.head()}\n" * parents
    commit = f"tree {tree}\n{lines}author {person}\ncommitter {person}\n\nmerge".encode()
    name = hostile.loose(repo.git_dir / "objects", b"commit %d\0" % len(commit) + commit)
    (repo.git_dir / "refs" / "heads" / "octopus").write_text(f"{name}\n")
    return name


def test_a_commit_with_very_many_parents_costs_only_itself(repo: GitRepo) -> None:
    second = Mint(92).user_token()
    name = octopus(repo, 20_000, f"key = {second}\n".encode())
    report = scan([repo.path], auditor=Auditor(jobs=1)).report
    assert len(report.credentials) == 2
    (first,) = [each for each in report.credentials if any(place.commit for place in each.locations)]
    assert first.locations[0].path == "leak.txt"
    assert [each.reason for each in report.skipped] == [
        f"commit {name} has more than {MOST_PARENTS} parents and was not compared with them"
    ]


def test_work_does_not_grow_with_the_parents(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    parsed = log._change

    def counting(meta: bytes, path: bytes) -> log.Change | None:
        sizes.append(len(meta))
        return parsed(meta, path)

    monkeypatch.setattr(log, "_change", counting)
    names = [octopus(repo, parents, b"%d" % parents) for parents in (MOST_PARENTS, MOST_PARENTS + 1, 10_000)]
    found, failures = changes(repo.git_dir, None, names)
    assert [step.commit.id for step in found] == names[:1]
    assert len(found[0].changes[0].old) == MOST_PARENTS
    assert len(failures) == 2
    assert sum(sizes) < 2 * 60 * MOST_PARENTS


def test_commits_that_git_has_compared_are_not_asked_about_again(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = repo.head()
    empty = repo.git("commit-tree", "-p", first, "-m", "nothing", f"{first}^{{tree}}")
    merge = octopus(repo, MOST_PARENTS + 1, b"more\n")
    asked: list[str] = []

    def count(*given: str, **named: Any) -> bytes:
        asked.append(given[0])
        return git(*given, **named)

    monkeypatch.setattr(log, "git", count)
    steps, failures = changes(repo.git_dir, None, [first, empty])
    assert ([step.commit.id for step in steps], failures, asked) == ([first], [], ["log"])
    assert changes(repo.git_dir, None, [first, merge])[1] == [log.too_many_parents(merge)]
    assert asked == ["log", "log", "rev-list"]


def test_a_walk_over_the_links_has_a_deadline(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    with MissingObjects(repo.git_dir) as walk:
        assert list(walk.found()) == []
    with MissingObjects(repo.git_dir) as walk:
        walk._process.kill()
        walk._process.wait()
        monkeypatch.setattr(walk._watchdog, "has_ended", True)
        assert [each.id for each in walk.found()] == ["links between objects"]
