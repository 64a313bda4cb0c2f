"""What is computed from the objects of a small repository is what git says of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.git import whole
from tokenaudit.git.attribution import Attribution, attribute
from tokenaudit.git.layout import open_repository
from tokenaudit.git.log import Change, changes
from tokenaudit.git.object_store import plan
from tokenaudit.git.reachability import ask_parents_first, outside_head, unreached
from tokenaudit.git.whole import CommitGraph, UnusualError
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.git_history import HistorySource

_PATHS = ("a", "b", "d/a", "d/b", "d/e/f", "d-", "ä", "x/y")
_CONTENTS = tuple(f"content {number}\n" for number in range(6))
_MODES = ("100644", "100755", "120000")
_DATES = st.sampled_from([0, 1, 1_600_000_000, 1_600_000_001, 4_000_000_000]) | st.integers(0, 2**33)


@dataclass(frozen=True)
class Made:
    """A commit: its parents by number, date, and files: path to mode and content (None: a submodule)."""

    parents: tuple[int, ...]
    date: int
    files: dict[str, tuple[str, str | None]]


@st.composite
def histories(draw: st.DrawFn) -> list[Made]:
    made: list[Made] = []
    for number in range(draw(st.integers(1, 14))):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        if number and not parents and draw(st.booleans()):
            parents = [number - 1]
        files = dict(made[parents[0]].files) if parents else {}
        for path in draw(st.lists(st.sampled_from(_PATHS), max_size=3)):
            action = draw(st.integers(0, 9))
            if action == 0:
                files = {f"moved/{name}" if name == path else name: each for name, each in files.items()}
            elif action == 1:
                files.pop(path, None)
            elif action == 2:
                files[path] = ("160000", None)
            elif action == 3 and path in files:  # a folder becomes a file
                files = {name: each for name, each in files.items() if not name.startswith("d/")}
                files["d"] = ("100644", draw(st.sampled_from(_CONTENTS)))
            elif "d" not in files or not path.startswith("d/"):
                files[path] = (draw(st.sampled_from(_MODES)), draw(st.sampled_from(_CONTENTS)))
        made.append(Made(tuple(parents), draw(_DATES), files))
    return made


def built(made: list[Made], path: Path) -> tuple[GitRepo, list[str]]:
    repo = GitRepo(path)
    stream: list[str] = []
    for number, each in enumerate(made):
        stream.append(f"reset refs/heads/c{number}\n" if not each.parents else "")
        stream.append(f"commit refs/heads/c{number}\nmark :{number + 1}\n")
        stream.append(f"author Somebody Ü <a@example.org> {each.date % 2**31} +0100\n")
        stream.append(f"committer B <b@example.org> {each.date} -0230\ndata 2\n{number % 10}\n")
        stream += [f"{'merge' if place else 'from'} :{parent + 1}\n" for place, parent in enumerate(each.parents)]
        stream.append("deleteall\n")
        for name, (mode, content) in each.files.items():
            if content is None:
                stream.append(f"M 160000 {'1' * 40} {name}\n")
            else:
                stream.append(f"M {mode} inline {name}\ndata {len(content)}\n{content}\n")
        stream.append("\n")
    repo.git("fast-import", "--quiet", "--force", stdin="".join(stream).encode())
    return repo, [repo.head(f"refs/heads/c{number}") for number in range(len(made))]


def both(repo: GitRepo, fingerprints: dict[str, frozenset[str]]) -> tuple[Attribution, Attribution]:
    repository = open_repository(repo.path)
    work = plan(repository, 1)
    assert work.graph is not None
    assert work.links == "none"
    commits = list(work.commits())
    return (
        attribute(repository.git_dir, fingerprints, commits, graph=work.graph),
        attribute(repository.git_dir, fingerprints, commits),
    )


@given(histories(), st.data())
@settings(max_examples=25, deadline=None, phases=[Phase.generate])
def test_any_history_is_attributed_as_git_does(made: list[Made], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repo, ids = built(made, Path(folder) / "repo")
        for number, name in enumerate(ids):
            ref = data.draw(st.sampled_from(["heads", "heads", "notes", "tag", "nothing"]))
            if ref == "tag":
                repo.git("tag", "-a", "-m", "tag", f"t{number}", name)
            elif ref == "notes":
                repo.git("update-ref", f"refs/notes/n{number}", name)
            if ref != "heads":
                repo.git("update-ref", "-d", f"refs/heads/c{number}")
        if data.draw(st.booleans()):
            repo.git("update-ref", "refs/heads/main", ids[-1])
        for number, content in enumerate(_CONTENTS):
            blob = repo.git("hash-object", "-w", "--stdin", stdin=content.encode())
            if data.draw(st.booleans()):
                repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},staged{number}")
        blobs = [repo.git("hash-object", "--stdin", stdin=content.encode()) for content in _CONTENTS]
        marks = st.frozensets(st.sampled_from(["one", "two", "three"]), min_size=1)
        fingerprints = {blob: data.draw(marks) for blob in blobs if data.draw(st.booleans())}
        ours, gits = both(repo, fingerprints)
        assert sorted(map(repr, ours.introductions)) == sorted(map(repr, gits.introductions))
        assert (ours.commits, ours.reach, ours.incomplete) == (gits.commits, gits.reach, gits.incomplete)
        repository = open_repository(repo.path)
        graph = plan(repository, 1).graph
        assert graph is not None
        keys = {name: (number // 3, name) for number, name in enumerate(reversed(ids)) if data.draw(st.booleans())}
        assert graph.parents_first(keys) == ask_parents_first(repository.git_dir, keys)
        assert frozenset(ids) - graph.in_head() == outside_head(repository.git_dir, ids)
        assert frozenset(ids) - graph.reached() == unreached(repository.git_dir, ids, "--all")
        steps, _ = changes(repository.git_dir, frozenset(blobs), ids)
        mine, _ = graph.changes(frozenset(blobs), ids)
        assert [(step.commit, [_plain(each) for each in step.changes]) for step in mine] == [
            (step.commit, [_plain(each) for each in step.changes]) for step in steps
        ]


def _plain(change: Change) -> tuple[str, frozenset[str], str]:
    return change.path, frozenset(change.old), change.new


def _graph(repo: GitRepo) -> CommitGraph | None:
    return plan(open_repository(repo.path), 1).graph


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"a.txt": "a\n", "folder/b.txt": "b\n"})
    return made


def test_a_file_and_a_submodule_that_a_merge_removes_are_compared_as_git_does(tmp_path: Path) -> None:
    made = [
        Made((), 0, {"a": ("160000", None)}),
        Made((), 0, {"a": ("100644", _CONTENTS[0])}),
        Made((1, 0), 0, {"moved/a": ("100644", _CONTENTS[0])}),
        Made((0, 1), 0, {"a": ("100755", _CONTENTS[0])}),
    ]
    repo, ids = built(made, tmp_path / "repo")
    blob = repo.git("hash-object", "--stdin", stdin=_CONTENTS[0].encode())
    graph = _graph(repo)
    assert graph is not None
    assert graph.changes({blob}, ids)[0] == changes(repo.git_dir, frozenset([blob]), ids)[0]


def test_git_is_asked_about_everything_unusual(repo: GitRepo) -> None:
    assert _graph(repo) is not None
    head = repo.head()
    person = "A <a@example.org> 1 +0000"
    tree = repo.head("HEAD^{tree}")
    for text in (
        f"tree {tree}\nparent {head}\nauthor {person}\ncommitter {person}\nencoding ISO-8859-1\n\nx\n",
        f"tree {tree}\nauthor A <a@example.org>\ncommitter {person}\n\nx\n",
        f"tree {head}\nauthor {person}\ncommitter {person}\n\nx\n",
        f"tree {tree}\nparent {tree}\nauthor {person}\ncommitter {person}\n\nx\n",
        f"tree {tree}\nparent {'1' * 40}\nauthor {person}\ncommitter {person}\n\nx\n",
    ):
        name = hostile.loose(repo.git_dir / "objects", f"commit {len(text)}\0{text}".encode())
        assert _graph(repo) is None, text
        (repo.git_dir / "objects" / name[:2] / name[2:]).unlink()
    assert _graph(repo) is not None
    repo.write("a.txt", "staged\n")
    repo.git("add", "a.txt")
    assert _graph(repo) is not None
    lost = repo.head(":a.txt")
    (repo.git_dir / "objects" / lost[:2] / lost[2:]).unlink()
    assert _graph(repo) is None
    found = list(HistorySource(repo.path, "here").findings(ScanContext(ToyExaminer())))
    assert found == [Skipped(f"here: {lost}", "the object is missing")]


def test_other_working_trees_are_left_to_git(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "other"))
    assert _graph(repo) is None
    assert plan(open_repository(tmp_path / "other"), 1).graph is None


def test_trees_that_expand_are_left_to_git(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of trees of trees: a few objects, 10^8 paths."""
    token = Mint(5).user_token()
    blob = repo.git("hash-object", "-w", "--stdin", stdin=f"key = {token}\n".encode())
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tkey\n".encode())
    for _ in range(8):
        tree = repo.git("mktree", stdin="".join(f"040000 tree {tree}\t{name}\n" for name in range(10)).encode())
    name = repo.git("commit-tree", "-m", "x", tree)
    monkeypatch.setattr(whole, "_MOST_COMPARED", 10_000)
    graph = _graph(repo)
    assert graph is not None
    with pytest.raises(UnusualError):
        graph.changes({blob}, [name])


def test_deep_trees_are_left_to_git(repo: GitRepo) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tkey\n".encode())
    objects = repo.git_dir / "objects"
    for _ in range(300):
        entry = b"40000 d\0" + bytes.fromhex(tree)
        tree = hostile.loose(objects, b"tree %d\0" % len(entry) + entry)
    name = repo.git("commit-tree", "-m", "x", tree)
    graph = _graph(repo)
    assert graph is not None
    with pytest.raises(UnusualError):
        graph.changes({blob}, [name])


def test_refs_without_an_object_are_still_listed(repo: GitRepo) -> None:
    repo.git("tag", "gone")
    repo.git("pack-refs", "--all")
    packed = repo.git_dir / "packed-refs"
    packed.write_text(packed.read_text().replace(repo.head() + " refs/tags", "1" * 40 + " refs/tags"))
    assert open_repository(repo.path).refs["refs/tags/gone"] == "1" * 40
