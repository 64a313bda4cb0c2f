"""Commits that can add or remove blobs, found from packs, against git's comparison of every commit."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.git.test_parallel import Literal
from tests.support.gitrepo import GitRepo
from tests.support.randomrepo import random_repository
from tokenaudit.git.attribution import attribute
from tokenaudit.git.candidates import Narrowed
from tokenaudit.git.layout import open_repository
from tokenaudit.git.log import changes
from tokenaudit.git.object_store import ScanPlan, plan
from tokenaudit.git.objects import CommitLinks
from tokenaudit.git.parallel import search


@dataclass
class Compared:
    """All commits of a repository, and the chosen ones."""

    git_dir: Path
    commits: list[str]
    chosen: list[str]
    narrowed: Narrowed


def compared(repo: GitRepo, fingerprints: Mapping[str, frozenset[str]], jobs: int = 1) -> Compared:
    git_dir = repo.git_dir
    work = plan(open_repository(repo.path), jobs, small=0)
    narrowed = work.to_compare(git_dir, fingerprints, (), jobs)
    assert narrowed is not None
    links = links_seen(work)
    for known in (links, links[:1], links[1:]):
        again = work.to_compare(git_dir, fingerprints, known, jobs)
        assert again is not None
        assert (again.commits, again.named) == (narrowed.commits, narrowed.named)
    commits = list(work.commits())
    return Compared(git_dir, commits, [commit for commit in commits if commit in narrowed.commits], narrowed)


def links_seen(work: ScanPlan, *, has_hits: bool = True) -> list[CommitLinks]:
    """The links of commits that a search reads if it has found something."""
    watcher = Literal([b"nothing"])
    watcher.has_hits = has_hits
    return [links for batch in search(work.partitions, watcher, 1) for links in batch.links]


def assert_equal(repo: GitRepo, blobs: Sequence[str], jobs: int = 1) -> Compared:
    """The chosen commits give the same changes, failures and introductions as all of them."""
    wanted = frozenset(blobs)
    # If each blob has a fingerprint of its own, changes are equal. A mere change of a file's mode is chosen too.
    found = compared(repo, {blob: frozenset({blob}) for blob in wanted}, jobs)
    assert changes(found.git_dir, wanted, found.chosen) == changes(found.git_dir, wanted, found.commits)
    for number_of, most in ((3, 1), (4, 2), (len(wanted), 1)):
        fingerprints = {
            blob: frozenset(f"mark {(place + each) % number_of}" for each in range(1 + place % most))
            for place, blob in enumerate(sorted(wanted))
        }
        found = compared(repo, fingerprints, jobs)
        fast = attribute(found.git_dir, fingerprints, found.commits, narrowed=found.narrowed)
        assert fast == attribute(found.git_dir, fingerprints, found.commits)
    return found


def blobs_of(repo: GitRepo) -> list[str]:
    listing = repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return [line.split()[0] for line in listing if line.split()[1] == "blob"]


class History:
    """A random history with nested folders, moves, modes, links, submodules, octopus merges and skewed clocks."""

    def __init__(self, path: Path, seed: int, commits: int, contents: Sequence[bytes] = ()) -> None:
        self.dice = random.Random(seed)
        self.repo = GitRepo(path, bare=True)
        self.contents = contents or [self.dice.randbytes(20) for _ in range(12)]
        self._files: list[dict[str, tuple[str, int]]] = []
        stream = [part for number in range(commits) for part in self._commit(number)]
        depth = self.dice.choice([0, 2, 50])
        self.repo.git_bytes("fast-import", "--quiet", "--force", f"--depth={depth}", stdin=b"".join(stream))

    def _commit(self, number: int) -> list[bytes]:
        dice = self.dice
        parents = [] if not number or dice.random() < 0.03 else [max(0, number - 1 - int(dice.expovariate(0.4)))]
        if parents and dice.random() < 0.3:
            parents = list(dict.fromkeys(parents + dice.choices(range(number), k=dice.choice([1, 1, 2, 5]))))
        files: dict[str, tuple[str, int]] = {}
        for parent in reversed(parents):
            mixed = self._files[parent]
            files = {**files, **mixed} if dice.random() < 0.5 else dict(mixed)
        for _ in range(dice.choice([0, 1, 1, 2, 4]) if parents else 5):
            self._change(files)
        self._files.append(files)
        when = 1_600_000_000 + number * 60 - (dice.randrange(100_000) if dice.random() < 0.1 else 0)
        lines = [b"commit refs/heads/b%d\nmark :%d\n" % (number % 7, number + 1)]
        lines += [b"author A Committer <a@example.org> %d +0000\n" % when]
        lines += [b"committer A Committer <a@example.org> %d +0000\ndata 1\nx\n" % when]
        lines += [
            b"%s :%d\n" % (b"merge" if place else b"from", parent + 1) for place, parent in enumerate(parents)
        ] or [b""]
        if not parents:
            lines.insert(0, b"reset refs/heads/b%d\n\n" % (number % 7))
        lines.append(b"deleteall\n")
        for name, (mode, content) in files.items():
            if mode == "160000":
                lines.append(b"M 160000 %040x %s\n" % (content + 1, name.encode()))
            else:
                data = self.contents[content]
                lines.append(b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), name.encode(), len(data), data))
        return lines

    def _change(self, files: dict[str, tuple[str, int]]) -> None:
        dice = self.dice
        name = "/".join(dice.choice("abc") + "d" for _ in range(dice.randrange(4))) + f"/f {dice.randrange(5)}"
        name = name.lstrip("/")
        kind = dice.random()
        if kind < 0.25 and files:
            del files[dice.choice(sorted(files))]
        elif kind < 0.4 and files:
            files[name] = files.pop(dice.choice(sorted(files)))
        elif kind < 0.5 and files:
            folder = dice.choice(sorted(files)).rpartition("/")[0]
            for each in [each for each in files if folder and each.startswith(f"{folder}/")]:
                files["moved/" + each[len(folder) + 1 :]] = files.pop(each)
        else:
            mode = dice.choice(["100644"] * 6 + ["100755", "120000", "160000"])
            files[name] = (mode, dice.randrange(len(self.contents)))


@pytest.mark.parametrize("seed", range(12))
def test_changes_in_random_histories_equal_those_that_git_finds_in_all_commits(
    tmp_path: Path, seed: int, packs_read_by: str
) -> None:
    history = History(tmp_path / "repo", seed, 60)
    repo, dice = history.repo, history.dice
    if seed % 3 == 1:
        repo.git("repack", "-adfq", "--depth=50")
    if seed % 3 == 2:
        repo.git("unpack-objects", "-q", stdin=move_pack(repo))
        repo.git("pack-objects", "-q", "objects/pack/pack", stdin="\n".join(some(repo, dice)).encode())
    commits = repo.git("rev-list", "--all").split()
    repo.git("update-ref", "refs/notes/commits", dice.choice(commits))
    repo.git("update-ref", "-d", f"refs/heads/b{dice.randrange(7)}")
    # A blob in no tree, and a tree in no commit with a blob in no other.
    alone, inside = (repo.git("hash-object", "-w", "--stdin", stdin=data) for data in (b"alone", b"inside"))
    repo.git("mktree", stdin=f"100644 blob {inside}\tname\n".encode())
    blobs = blobs_of(repo)
    assert {alone, inside} < set(blobs)
    for count in (1, 1, 3, len(blobs)):
        found = assert_equal(repo, dice.sample(blobs, min(count, len(blobs))))
        assert set(found.chosen) <= set(found.commits)
    work = plan(open_repository(repo.path), 1, small=0)
    assert links_seen(work, has_hits=False) == []
    seen = [each.tobytes().hex() for links in links_seen(work) for rows in (links.ids, links.odd) for each in rows]
    indexes = (each.read_bytes() for each in (repo.git_dir / "objects/pack").glob("*.idx"))
    packed = {line.split()[1] for each in indexes for line in repo.git("show-index", stdin=each).splitlines()}
    assert sorted(seen) == (sorted(packed & set(found.commits)) if packs_read_by == "compiled" else [])


def move_pack(repo: GitRepo) -> bytes:
    """Removes the only pack and returns it."""
    (pack,) = (repo.git_dir / "objects/pack").glob("*.pack")
    data = pack.read_bytes()
    for each in pack.parent.glob(pack.stem + ".*"):
        each.unlink()
    return data


def some(repo: GitRepo, dice: random.Random) -> list[str]:
    ids = [line.split()[0] for line in repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()]
    return dice.sample(ids, len(ids) // 2)


def test_only_a_few_commits_of_a_long_history_are_compared(tmp_path: Path) -> None:
    repo = random_repository(tmp_path / "repo", 5, commits=300, files=8)
    repo.git("repack", "-adfq")
    blob = next(line.split()[0] for line in repo.git("rev-list", "--objects", "main").splitlines() if "/file" in line)
    found = assert_equal(repo, [blob], jobs=2)
    assert 0 < len(found.chosen) < 30
    assert len(found.commits) > 200


@pytest.mark.usefixtures("packs_read_by")
def test_of_many_versions_those_with_other_credentials_are_compared(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo", bare=True)
    stream = [
        b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 1\nx\nM 644 inline file\ndata 2\n%02d\n"
        % (1_600_000_000 + number, number)
        for number in range(60)
    ]
    repo.git("fast-import", "--quiet", stdin=b"".join(stream))
    blobs = blobs_of(repo)
    same = dict.fromkeys(blobs, frozenset({"same"}))
    assert len(compared(repo, same).chosen) == 1
    assert len(compared(repo, {blob: frozenset({blob}) for blob in blobs}).chosen) == 60
    found = compared(repo, same)
    assert found.narrowed.named == frozenset(blobs)
    assert attribute(found.git_dir, same, found.commits, narrowed=found.narrowed) == attribute(
        found.git_dir, same, found.commits
    )


@pytest.mark.parametrize("entry", ["40000", "100600"])
def test_an_unusual_tree_leaves_no_blob_to_commits_that_are_not_compared(tmp_path: Path, entry: str) -> None:
    """A folder that is a file, and a mode that git does not write."""
    repo = random_repository(tmp_path / "repo", 7, commits=30, files=3)
    blob = blobs_of(repo)[0]
    data = f"{entry} name".encode() + b"\0" + bytes.fromhex(blob)
    repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)
    repo.git("repack", "-adfq", "--keep-unreachable")
    found = compared(repo, dict.fromkeys(blobs_of(repo), frozenset({"same"})))
    assert found.narrowed.named == frozenset()
    assert_equal(repo, blobs_of(repo))


def test_commits_that_no_ref_leads_to_are_compared(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a/b": "one\n"})
    lost = repo.commit(files={"a/b": "two\n"})
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=all", "--all")
    blob = repo.git("rev-parse", f"{lost}:a/b")
    tree = repo.git("rev-parse", f"{lost}:a")
    (repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    found = assert_equal(repo, [blob])
    assert lost in found.chosen


@pytest.mark.usefixtures("packs_read_by")
def test_a_commit_whose_tree_is_missing_and_its_children_are_compared(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    first = repo.commit(files={"a": "one\n"})
    second = repo.commit(files={"a": "two\n"})
    third = repo.commit(files={"b": "three\n"})
    fourth = repo.commit(files={"c": "four\n"})
    tree = repo.git("rev-parse", f"{second}^{{tree}}")
    blob = repo.git("rev-parse", f"{first}:a")
    (repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    found = assert_equal(repo, [blob])
    assert {second, third} <= set(found.chosen)
    assert fourth not in found.chosen


@pytest.mark.usefixtures("packs_read_by")
def test_a_tree_that_can_not_be_read_leaves_everything_to_git(tmp_path: Path) -> None:
    repo = random_repository(tmp_path / "repo", 3)
    repo.git("repack", "-adfq")
    work: ScanPlan = plan(open_repository(repo.path), 1, small=0)
    tree = repo.git("rev-parse", "main^{tree}")
    offset = next(
        int(line.split()[0]) for line in repo.git("show-index", stdin=index_of(repo)).splitlines() if tree in line
    )
    (pack,) = (repo.git_dir / "objects/pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[offset + 4 : offset + 8] = bytes(4)
    pack.chmod(0o600)
    pack.write_bytes(data)
    fingerprints = {blob: frozenset({blob}) for blob in blobs_of_tree(repo)}
    assert work.to_compare(repo.git_dir, fingerprints, (), 1) is None


def index_of(repo: GitRepo) -> bytes:
    (index,) = (repo.git_dir / "objects/pack").glob("*.idx")
    return index.read_bytes()


def blobs_of_tree(repo: GitRepo) -> list[str]:
    return [repo.git("rev-parse", "v1:dir1/file1")]
