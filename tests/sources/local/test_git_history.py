"""Everything a repository ever held is found, and told by whom it came in."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.toy import ToyExaminer
from tokenaudit.detect import Detector
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext, ScanResult
from tokenaudit.model import Location, Skipped
from tokenaudit.sources.local import git_history
from tokenaudit.sources.local.git_history import HistorySource

BOB = "Another Committer <another@example.org>"


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


@pytest.fixture
def mint(request: pytest.FixtureRequest) -> Mint:
    return Mint(len(request.node.name))


def scan(path: Path, jobs: int = 1) -> list[Finding]:
    return list(HistorySource(path, "place").findings(ScanContext(ToyExaminer(), jobs)))


def locations(found: Iterable[Finding], token: str) -> list[Location]:
    return [
        item.location
        for item in found
        if isinstance(item, LocatedDetection) and item.detection.secret.reveal() == token
    ]


def skipped(found: Iterable[Finding]) -> list[Skipped]:
    return [item for item in found if isinstance(item, Skipped)]


def only(repo: GitRepo, token: str) -> Location:
    found = scan(repo.path)
    assert skipped(found) == []
    (location,) = locations(found, token)
    return location


def test_a_removed_token_is_attributed_to_the_commit_that_brought_it(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.commit("first", {"README": "hello\n"})
    leak = repo.commit("leak", {"src/app.py": f"import os\nkey = '{token}'\n"}, author=BOB)
    repo.commit("more", {"src/app.py": f"import os\nimport sys\nkey = '{token}'\n"})
    repo.commit("fix", {"src/app.py": "import os\n"})
    location = only(repo, token)
    assert (location.source, location.target, location.path) == ("history", "place", "src/app.py")
    assert (location.line, location.column, location.commit) == (2, 8, leak)
    assert location.author == BOB
    assert location.date is not None
    assert location.date.isoformat() == "2020-09-15T12:26:40+00:00"
    assert (location.reachable, location.in_head) == (True, False)


class Counting:
    """A detector that notes which contents it scanned."""

    def __init__(self) -> None:
        self._detector = Detector.load()
        self.prefilter = self._detector.prefilter
        self.scanned: Counter[bytes] = Counter()

    def may_contain(self, data: bytes) -> bool:
        return self._detector.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        self.scanned[data] += 1
        return self._detector.scan(data, name)


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_blob_with_findings_is_examined_once(repo: GitRepo, mint: Mint, packed: bool) -> None:
    contents = [f"{number}\n" * 40 + mint.user_token() + "\n" for number in range(6)]
    for number, content in enumerate(contents):
        repo.commit(f"commit {number}", {"grows": "".join(contents[: number + 1]), f"file{number}": content})
    if packed:
        repo.git("gc", "--quiet")
    counting = Counting()
    found = list(HistorySource(repo.path, "place").findings(ScanContext(counting, 1)))
    assert {each.location.path for each in found if isinstance(each, LocatedDetection)} >= {"grows", "file5"}
    written = {content.encode() for content in contents}
    written |= {"".join(contents[: number + 1]).encode() for number in range(len(contents))}
    assert {data: number for data, number in counting.scanned.items() if data in written} == dict.fromkeys(written, 1)


def test_what_there_is_no_room_for_is_examined_again(
    repo: GitRepo, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [f"{number}\n" + mint.user_token() for number in range(4)]
    repo.commit("leak", {f"file{number}": content for number, content in enumerate(contents)})
    everything = list(HistorySource(repo.path, "place").findings(ScanContext(Counting(), 1)))
    monkeypatch.setattr(git_history, "_MOST_DETECTIONS", 4)
    counting = Counting()
    assert list(HistorySource(repo.path, "place").findings(ScanContext(counting, 1))) == everything
    assert sorted(counting.scanned[content.encode()] for content in contents) == [1, 1, 2, 2]


def test_a_token_that_stands_in_head_says_so(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    leak = repo.commit("leak", {"a": token})
    repo.commit("later", {"a": f"more\n{token}"})
    location = only(repo, token)
    assert (location.commit, location.in_head, location.line) == (leak, True, 1)


def test_every_path_has_its_own_location(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    first = repo.commit("leak", {"a": token, "b": token})
    copied = repo.commit("copy", {"dir/c": token})
    found = {item.path: item.commit for item in locations(scan(repo.path), token)}
    assert found == {"a": first, "b": first, "dir/c": copied}


def test_a_renamed_file_keeps_the_commit_that_brought_the_token(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    leak = repo.commit("leak", {"old.py": f"x\n{token}\n"})
    repo.git("mv", "old.py", "new.py")
    repo.commit("rename", {"new.py": f"x\ny\n{token}\n"})
    found = {item.path: (item.commit, item.line, item.in_head) for item in locations(scan(repo.path), token)}
    assert found == {"old.py": (leak, 2, False), "new.py": (leak, 3, True)}


def test_a_merge_is_blamed_only_for_what_it_brought_itself(repo: GitRepo, mint: Mint) -> None:
    branch_token, merge_token = mint.user_token(), mint.user_token()
    repo.commit("first", {"a": "1\n"})
    repo.switch("side", "main")
    leak = repo.commit("leak", {"b": branch_token}, author=BOB)
    repo.switch("main")
    repo.commit("on main", {"c": "2\n"})
    repo.git("merge", "-q", "--no-ff", "--no-commit", "side")
    merge = repo.commit("evil merge", {"a": f"1\n{merge_token}\n"})
    assert len(repo.git("log", "-1", "--format=%P").split()) == 2
    assert only(repo, branch_token).commit == leak
    location = only(repo, merge_token)
    assert (location.commit, location.path, location.line) == (merge, "a", 2)


def test_a_token_that_returns_is_told_twice(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    first = repo.commit("leak", {"a": f"{token}\n"})
    repo.commit("fix", {"a": "\n"})
    second = repo.commit("again", {"a": f"\n{token}\n"})
    found = [(item.commit, item.line) for item in locations(scan(repo.path), token)]
    assert found == [(first, 1), (second, 2)]


def test_commit_messages_and_people_are_read(repo: GitRepo, mint: Mint) -> None:
    said, named = mint.user_token(), mint.user_token()
    first = repo.commit(f"subject\n\nuse {said} to push\n")
    second = repo.commit("second", author=f"{named} <bob@example.org>")
    location = only(repo, said)
    assert (location.source, location.path, location.line, location.column) == ("commit-message", None, 3, 5)
    assert (location.commit, location.reachable, location.in_head) == (first, True, True)
    locations_of_name = locations(scan(repo.path), named)
    assert {(item.commit, item.line, item.source) for item in locations_of_name} == {(second, None, "commit-message")}


def test_tag_messages_are_read(repo: GitRepo, mint: Mint) -> None:
    token, nested = mint.user_token(), mint.user_token()
    commit = repo.commit("first")
    repo.tag("v1", f"release\n\n{token}\n")
    repo.tag("v2", nested, "v1")
    repo.tag("v3", "outer", "v2")
    repo.git("tag", "-d", "v2")
    location = only(repo, token)
    assert (location.source, location.commit, location.line, location.reachable) == ("tag-message", commit, 3, True)
    assert only(repo, nested).reachable is True
    repo.git("tag", "-d", "v3")
    assert only(repo, nested).reachable is False


def test_notes_are_read(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.commit("first")
    repo.note(f"reviewed with {token}", ref="review")
    location = only(repo, token)
    assert (location.source, location.reachable, location.in_head) == ("note", True, False)
    assert location.commit == repo.head("refs/notes/review")


def _on_branch(repo: GitRepo, token: str) -> None:
    repo.switch("side", "main")
    repo.commit("leak", {"leak": token})
    repo.switch("main")


def _on_deleted_branch(repo: GitRepo, token: str) -> None:
    _on_branch(repo, token)
    repo.git("branch", "-D", "side")


def _in_pull_request(repo: GitRepo, token: str) -> None:
    _on_branch(repo, token)
    repo.git("update-ref", "refs/pr/7", "side")
    repo.git("branch", "-D", "side")


def _in_stash(repo: GitRepo, token: str) -> None:
    repo.write("leak", token)
    repo.git("add", "leak")
    repo.git("stash")


def _in_dropped_stash(repo: GitRepo, token: str) -> None:
    _in_stash(repo, token)
    repo.git("stash", "drop")


def _in_reflog_only(repo: GitRepo, token: str) -> None:
    repo.commit("leak", {"leak": token})
    repo.git("reset", "-q", "--hard", "HEAD~1")


def _in_other_worktree(repo: GitRepo, token: str) -> None:
    other = repo.path.parent / "other"
    repo.git("worktree", "add", "-q", "--detach", str(other))
    (other / "leak").write_text(token)
    repo.git("-C", str(other), "add", "leak")
    repo.git("-C", str(other), "commit", "-q", "-m", "leak")


@pytest.mark.parametrize(
    ("hide", "reachable"),
    [
        (_on_branch, True),
        (_on_deleted_branch, False),
        (_in_pull_request, True),
        (_in_stash, True),
        (_in_dropped_stash, False),
        (_in_reflog_only, False),
        (_in_other_worktree, True),
    ],
)
def test_no_place_in_a_repository_hides_a_token(
    repo: GitRepo, mint: Mint, hide: Callable[[GitRepo, str], None], *, reachable: bool
) -> None:
    token = mint.user_token()
    repo.commit("first", {"a": "1\n"})
    hide(repo, token)
    found = locations(scan(repo.path), token)
    assert {(item.path, item.reachable, item.in_head) for item in found} == {("leak", reachable, False)}
    assert all(item.commit for item in found)


def test_a_dangling_blob_is_found_without_a_commit(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.commit("first")
    blob = repo.blob(token.encode())
    location = only(repo, token)
    assert (location.path, location.commit, location.reachable, location.object) == (None, None, False, blob)


def test_a_staged_blob_is_named_by_the_index(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.write("dir/leak", token)
    repo.git("add", "dir/leak")
    location = only(repo, token)
    assert (location.path, location.commit, location.reachable) == ("dir/leak", None, False)


def test_borrowed_objects_are_read(repo: GitRepo, mint: Mint, tmp_path: Path) -> None:
    token = mint.user_token()
    repo.commit("leak", {"leak": token})
    borrower = tmp_path / "borrower"
    repo.git("clone", "-q", "--shared", "--bare", str(repo.path), str(borrower))
    (location,) = locations(scan(borrower), token)
    assert location.path == "leak"


def test_several_processes_find_what_one_finds(repo: GitRepo, mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [mint.user_token() for _ in range(5)]
    for number, token in enumerate(tokens):
        repo.commit(f"number {number}", {f"f{number}": token * (number % 2 + 1), f"g{number}": "x" * 100})
    repo.repack()
    alone = scan(repo.path)
    monkeypatch.setattr("tokenaudit.git.parallel.SMALL_WORK", 0)
    assert scan(repo.path, jobs=3) == alone
    assert len(alone) >= 5


def test_objects_and_bytes_are_counted(repo: GitRepo) -> None:
    repo.commit("first", {"a": "12345"})
    run = ScanContext(ToyExaminer())
    assert list(HistorySource(repo.path, "place").findings(run)) == []
    assert run.objects == 2
    assert run.bytes == 5 + len(repo.git_bytes("cat-file", "commit", "HEAD"))


def test_empty_repositories_are_complete(repo: GitRepo, tmp_path: Path) -> None:
    assert scan(repo.path) == []
    assert scan(GitRepo(tmp_path / "bare", bare=True).path) == []


def test_shallow_and_partial_clones_are_incomplete(repo: GitRepo, mint: Mint, tmp_path: Path) -> None:
    token = mint.user_token()
    repo.commit("first", {"a": "1"})
    repo.commit("second", {"a": token})
    repo.git("config", "uploadpack.allowFilter", "true")
    shallow, partial = tmp_path / "shallow", tmp_path / "partial"
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(shallow))
    repo.git("clone", "-q", "--filter=blob:none", "--bare", f"file://{repo.path}", str(partial))
    found = scan(shallow)
    assert [item.reason for item in skipped(found)] == [
        "shallow clone without older history; run git fetch --unshallow"
    ]
    assert len(locations(found, token)) == 1
    assert [item.reason for item in skipped(scan(partial))] == [
        "partial clone without some content; clone again without --filter"
    ]


def test_what_is_no_repository_is_one_skipped_line(tmp_path: Path) -> None:
    (found,) = scan(tmp_path)
    assert found == Skipped("place", "not a git repository")
    (tmp_path / ".git").mkdir()
    (found,) = scan(tmp_path)
    assert isinstance(found, Skipped)
    assert "not a git repository" in found.reason


def test_a_corrupt_object_is_named_and_the_rest_is_read(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.commit("first", {"bad": "to be damaged" * 50, "leak": token})
    blob = repo.head("HEAD:bad")
    loose = repo.git_dir / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(loose.read_bytes()[:20] + b"damaged")
    found = scan(repo.path)
    assert len(locations(found, token)) == 1
    assert any(blob in item.where for item in skipped(found))


def test_missing_history_is_said(repo: GitRepo, mint: Mint) -> None:
    """Without a parent commit, attribution can't be complete."""
    token = mint.user_token()
    first = repo.commit("first", {"a": "1"})
    repo.commit("second", {"leak": token})
    (repo.git_dir / "objects" / first[:2] / first[2:]).unlink()
    found = scan(repo.path)
    assert locations(found, token)
    assert skipped(found)


def test_replaced_and_grafted_history_is_read_as_it_is(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    repo.commit("first", {"leak": token})
    leak = repo.head()
    repo.commit("second", {"leak": "gone"})
    clean = repo.git("commit-tree", "-m", "clean", "HEAD^{tree}")
    repo.git("replace", leak, clean)
    assert only(repo, token).commit == leak


def test_a_linked_worktree_gives_the_whole_history(repo: GitRepo, mint: Mint, tmp_path: Path) -> None:
    token = mint.user_token()
    repo.commit("leak", {"leak": token})
    other = tmp_path / "linked"
    repo.git("worktree", "add", "-q", "-b", "other", str(other))
    (location,) = locations(scan(other), token)
    assert (location.path, location.in_head) == ("leak", True)


def test_a_foreign_folder_inside_another_repository_is_not_mistaken_for_it(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("outer", {"a": "1"})
    inner = repo.path / "inner"
    (inner / ".git").mkdir(parents=True)
    (found,) = scan(inner)
    assert isinstance(found, Skipped)
    shutil.rmtree(tmp_path / "repo")


def test_odd_names_survive(repo: GitRepo, mint: Mint) -> None:
    token = mint.user_token()
    names = ["a\nb", ":colon", 'quo"te', "tab\there", "ünï"]
    repo.commit("leak", dict.fromkeys(names, token))
    assert sorted(item.path or "" for item in locations(scan(repo.path), token)) == sorted(names)


@pytest.mark.usefixtures("packs_read_by")
def test_a_damaged_object_is_read_from_its_other_copy(
    repo: GitRepo, mint: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loose object is read only where no pack holds it, and a damaged one in a pack has its loose copy read."""
    monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)
    token = mint.user_token()
    leak = repo.commit("leak", {"leak": f"{token}\n" + "x" * 300})
    blob = repo.head("HEAD:leak")
    loose = repo.git_dir / "objects" / blob[:2] / blob[2:]
    content = loose.read_bytes()
    repo.repack()
    loose.parent.mkdir(exist_ok=True)
    loose.write_bytes(content)
    (index,) = (repo.git_dir / "objects/pack").glob("*.idx")
    listing = repo.git("show-index", stdin=index.read_bytes()).splitlines()
    (offset,) = (int(line.split()[0]) for line in listing if blob in line)
    pack = index.with_suffix(".pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[offset + 8] ^= 0xFF
    pack.write_bytes(data)
    found = scan(repo.path)
    (damage,) = skipped(found)
    assert pack.name in damage.where
    assert "checksum" in damage.reason
    assert {item.commit for item in locations(found, token)} == {leak}
