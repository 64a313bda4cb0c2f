"""A range is judged by what its commits introduce."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.errors import UsageError
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_range import SinceSource


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"a": "1\n"})
    return made


def scan(path: Path, rev: str) -> list[Finding]:
    return list(SinceSource(path, "place", rev).findings(ScanContext(ToyExaminer())))


def found(repo: GitRepo, rev: str) -> dict[tuple[str, str | None], tuple[str | None, bool | None]]:
    """(token, path) to (commit, in HEAD)."""
    items = scan(repo.path, rev)
    assert [item for item in items if isinstance(item, Skipped)] == []
    return {
        (item.detection.secret.reveal(), item.location.path): (item.location.commit, item.location.in_head)
        for item in items
        if isinstance(item, LocatedDetection)
    }


def test_only_the_range_counts(repo: GitRepo) -> None:
    mint = Mint(1)
    before, inside, gone, said = (mint.user_token() for _ in range(4))
    base = repo.commit("before", {"old": before})
    leak = repo.commit("leak", {"new": inside, "gone": gone, "old": f"{before}\nmore"})
    message = repo.commit(f"say {said}", {"gone": ""})
    assert found(repo, base) == {
        (inside, "new"): (leak, True),
        (gone, "gone"): (leak, False),
        (said, None): (message, True),
    }


def test_a_branch_is_judged_from_where_it_left(repo: GitRepo) -> None:
    """What main got meanwhile, also by a merge into the branch, is not the branch's doing."""
    mint = Mint(2)
    ours, theirs = mint.user_token(), mint.user_token()
    repo.switch("side", "main")
    leak = repo.commit("ours", {"ours": ours})
    repo.switch("main")
    repo.commit("theirs", {"theirs": theirs})
    repo.switch("side")
    assert found(repo, "main") == {(ours, "ours"): (leak, True)}
    repo.merge("main")
    assert found(repo, "main") == {(ours, "ours"): (leak, True)}


def test_a_move_introduces_nothing(repo: GitRepo) -> None:
    token = Mint(3).user_token()
    base = repo.commit("leak", {"old.py": f"x\n{token}\n"})
    repo.git("mv", "old.py", "new.py")
    repo.commit("move", {"new.py": f"x\ny\n{token}\n"})
    assert found(repo, base) == {}
    copied = repo.commit("copy", {"copy.py": token})
    assert found(repo, base) == {(token, "copy.py"): (copied, True)}


def test_an_unknown_revision_is_an_error_of_use(repo: GitRepo) -> None:
    for name in ("nowhere", "--all", "HEAD:a", ""):
        with pytest.raises(UsageError, match="has no commit"):
            scan(repo.path, name)


def test_a_range_that_leaves_a_shallow_clone_is_incomplete(repo: GitRepo, tmp_path: Path) -> None:
    base = repo.head()
    for number in range(3):
        repo.commit("more", {"a": str(number)})
    shallow = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth=2", f"file://{repo.path}", str(shallow))
    with pytest.raises(UsageError, match="fetch more of its history"):
        scan(shallow, base)
    GitRepo(shallow).git("fetch", "-q", "--depth=1", "origin", base)
    assert [item.reason for item in scan(shallow, base) if isinstance(item, Skipped)] == [
        "the range exceeds the history of the shallow clone; fetch more history"
    ]


def test_submodules_and_empty_repositories_are_no_trouble(repo: GitRepo, tmp_path: Path) -> None:
    base = repo.head()
    inner = GitRepo(repo.path / "inner")
    inner.commit("first")
    repo.commit("submodule")
    assert scan(repo.path, base) == []
    assert scan(GitRepo(tmp_path / "empty").path, "main") == []


def test_no_repository_is_one_skipped_line(tmp_path: Path) -> None:
    assert scan(tmp_path, "main") == [Skipped("place", "not a git repository")]


def test_a_range_of_another_branch_is_read_while_head_is_unborn(repo: GitRepo) -> None:
    """A hook that pushes `main` from an orphan branch without commits."""
    token = Mint(9).user_token()
    base = repo.head()
    repo.commit("leak", {"new": token})
    repo.git("symbolic-ref", "HEAD", "refs/heads/orphan")
    source = SinceSource(repo.path, "place", base, "refs/heads/main")
    (item,) = source.findings(ScanContext(ToyExaminer()))
    assert isinstance(item, LocatedDetection)
    assert (item.detection.secret.reveal(), item.location.in_head) == (token, False)
