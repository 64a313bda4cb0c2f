"""Attribution in repositories that git itself reads differently or not at all: both ways find the same.

Grafts, replace refs, shallow and partial clones, alternates, and histories of which objects are missing. The reference
is git, which compares every commit, and for complete histories also a slow comparison of all files of all commits.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.git.test_candidates import History
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.git import object_store
from tokenaudit.git.attribution import attribute
from tokenaudit.git.layout import open_repository
from tokenaudit.git.log import changes
from tokenaudit.git.object_store import plan
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local import git_history
from tokenaudit.sources.local.git_history import HistorySource

SCANNER = Detector.load()
_ORIGINAL = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
_SUBMODULE = b"160000"
_NULL = "0" * 40

Shape = Callable[[GitRepo, random.Random], GitRepo]
Entries = dict[bytes, tuple[bytes, str]]
Step = tuple[str, str, tuple[str, ...], str]


def tokens(dice: random.Random) -> list[bytes]:
    """Contents of files: versions with one of a few tokens, with two, and without."""
    mint = Mint(dice.randrange(1 << 32))
    values = [mint.user_token() for _ in range(3)]
    with_one = [f"{number}\nkey = '{dice.choice(values)}'\n".encode() for number in range(6)]
    return [*with_one, f"a = '{values[0]}'\nb = '{values[1]}'\n".encode(), *(b"plain %d\n" % each for each in range(5))]


def history(folder: Path, seed: int, commits: int = 40) -> History:
    made = History(folder, seed, commits, tokens(random.Random(seed)))
    repo, dice = made.repo, made.dice
    repo.git("update-ref", "refs/notes/commits", dice.choice(commits_of(repo)))
    repo.git("symbolic-ref", "HEAD", f"refs/heads/b{dice.randrange(7)}")
    return made


def commits_of(repo: GitRepo) -> list[str]:
    return repo.git("rev-list", "--all").split()


def ids_of(repo: GitRepo, *types: str) -> list[str]:
    listing = repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return [name for name, kind, _ in (line.split() for line in listing) if not types or kind in types]


def unpack(repo: GitRepo) -> None:
    """Make all objects loose."""
    packs = list((repo.git_dir / "objects/pack").glob("*.pack"))
    contents = [pack.read_bytes() for pack in packs]
    for file in [*(repo.git_dir / "objects/pack").iterdir()]:
        file.unlink()
    for content in contents:
        repo.git_bytes("unpack-objects", "-q", stdin=content)


def pack(repo: GitRepo, ids: list[str], folder: Path | None = None) -> None:
    where = folder or repo.git_dir / "objects"
    (where / "pack").mkdir(exist_ok=True)
    repo.git("pack-objects", "-q", str(where / "pack/pack"), stdin="".join(f"{each}\n" for each in ids).encode())


def remove(repo: GitRepo, ids: list[str]) -> None:
    for name in ids:
        (repo.git_dir / "objects" / name[:2] / name[2:]).unlink()


def grafts(repo: GitRepo, dice: random.Random) -> GitRepo:
    commits = commits_of(repo)
    lines = [" ".join(dice.sample(commits, dice.randrange(1, 4))) for _ in range(6)]
    (repo.git_dir / "info").mkdir(exist_ok=True)
    (repo.git_dir / "info/grafts").write_text("\n".join([*lines, ""]))
    return repo


def replaced(repo: GitRepo, dice: random.Random) -> GitRepo:
    for kind in ("commit", "commit", "tree", "blob"):
        one, other = dice.sample(ids_of(repo, kind), 2)
        repo.git("update-ref", f"refs/replace/{one}", other)
    return repo


def alternates(repo: GitRepo, dice: random.Random) -> GitRepo:
    """Loose and packed objects in three folders, some of them in several."""
    unpack(repo)
    main = repo.git_dir / "objects"
    folders = [main, *(repo.path.parent / f"{repo.path.name}-{number}" for number in range(2))]
    for lender, borrower in ((folders[1], main), (folders[2], folders[1])):
        (lender / "info").mkdir(parents=True)
        (borrower / "info/alternates").write_text(f"{lender}\n")
    ids = ids_of(repo)
    for folder in folders:
        if dice.random() < 0.7:
            pack(repo, dice.sample(ids, len(ids) // dice.choice([2, 3, 5])), folder)
    for name in ids:
        chosen = dice.choice(folders)
        if chosen is not main:
            (chosen / name[:2]).mkdir(exist_ok=True)
            moved = shutil.copy if dice.random() < 0.1 else shutil.move
            moved(main / name[:2] / name[2:], chosen / name[:2] / name[2:])
    return repo


def without_refs(repo: GitRepo, dice: random.Random) -> GitRepo:
    for number in dice.sample(range(7), 5):
        repo.git("update-ref", "-d", f"refs/heads/b{number}")
    return repo


COMPLETE: list[Shape] = [grafts, replaced, alternates, without_refs]


def shallow_file(repo: GitRepo, dice: random.Random) -> GitRepo:
    (repo.git_dir / "shallow").write_text("".join(f"{name}\n" for name in sorted(dice.sample(commits_of(repo), 2))))
    return repo


def shallow_clone(repo: GitRepo, dice: random.Random) -> GitRepo:
    clone = GitRepo(repo.path.parent / f"{repo.path.name}-clone", bare=True)
    clone.git("fetch", "-q", f"--depth={dice.randrange(1, 6)}", repo.path.as_uri(), "refs/heads/*:refs/heads/*")
    return clone


def partial_clone(repo: GitRepo, dice: random.Random) -> GitRepo:
    unpack(repo)
    repo.git("config", "remote.origin.promisor", "true")
    repo.git("config", "remote.origin.url", "file:///nonexistent")
    remove(repo, dice.sample(ids_of(repo, "blob"), 3))
    return repo


def incomplete(repo: GitRepo, dice: random.Random) -> GitRepo:
    """A few objects of any type are missing, reachable or not; some of the others are packed."""
    if dice.random() < 0.5:
        without_refs(repo, dice)
    unpack(repo)
    tips = set(repo.git("for-each-ref", "--format=%(objectname)").split())
    kinds = dice.choice([("tree",), ("tree", "commit"), ("tree", "blob", "commit")])
    gone = [name for name in dice.sample(ids_of(repo, *kinds), 3) if name not in tips]
    left = [name for name in ids_of(repo) if name not in gone]
    if dice.random() < 0.7:
        pack(repo, dice.sample(left, len(left) * 2 // 3))
        repo.git("prune-packed", "-q")
    remove(repo, gone)
    return repo


PARTIAL: list[Shape] = [shallow_file, shallow_clone, partial_clone, incomplete]


def findings(path: Path, *, is_narrowed: bool, are_packs_complete: bool = False) -> list[Finding]:
    """Findings of a repository that is read like a large one, with all commits compared or only some."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_store, "SMALL_REPOSITORY", 0)
        if are_packs_complete:
            patch.setattr(object_store, "_MANY_OBJECTS", 0)
        patch.setattr(git_history, "_MANY_COMMITS", 0 if is_narrowed else 1 << 30)
        return list(HistorySource(path, "place").findings(ScanContext(SCANNER)))


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("shape", [*COMPLETE, *PARTIAL])
def test_findings_are_those_of_comparing_all_commits(tmp_path: Path, shape: Shape, seed: int) -> None:
    made = history(tmp_path / "repo", seed)
    repo = shape(made.repo, made.dice)
    expected = findings(repo.path, is_narrowed=False)
    assert any(isinstance(each, LocatedDetection) for each in expected)
    assert findings(repo.path, is_narrowed=True) == expected
    if shape in COMPLETE:
        assert findings(repo.path, is_narrowed=True, are_packs_complete=True) == expected


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("seed", range(2, 4))
@pytest.mark.parametrize("shape", COMPLETE)
def test_changes_are_those_of_comparing_all_files(tmp_path: Path, shape: Shape, seed: int) -> None:
    made = history(tmp_path / "repo", seed)
    repo, dice = shape(made.repo, made.dice), made.dice
    blobs = ids_of(repo, "blob")
    check_changes(repo, frozenset(dice.sample(blobs, dice.choice([1, 3, len(blobs)]))))


def check_changes(repo: GitRepo, wanted: frozenset[str]) -> None:
    work = plan(open_repository(repo.path), 1, small=0)
    narrowed = work.to_compare(repo.git_dir, {blob: frozenset({blob}) for blob in wanted}, (), 1)
    assert narrowed is not None
    everything = list(work.commits())
    chosen = [name for name in everything if name in narrowed.commits]
    found, failures = changes(repo.git_dir, wanted, chosen)
    assert failures == []
    slow = Slow(repo)
    odd = {(commit, path) for commit, path, *_ in slow.submodules()}
    steps = {
        (step.commit.id, each.path, each.old, each.new)
        for step in found
        for each in step.changes
        if (step.commit.id, each.path) not in odd
    }
    assert steps == {each for each in slow.changes() if {each[3], *each[2]} & wanted and (each[0], each[1]) not in odd}
    marks = {blob: frozenset({f"mark {number % 3}"}) for number, blob in enumerate(sorted(wanted))}
    narrowed = work.to_compare(repo.git_dir, marks, (), 1)
    assert attribute(repo.git_dir, marks, everything, narrowed=narrowed) == attribute(repo.git_dir, marks, everything)


class Slow:
    """Compares all files of all commits, with the original objects."""

    def __init__(self, repo: GitRepo) -> None:
        listing = repo.git("cat-file", "--batch-all-objects", "--batch-check", env=_ORIGINAL).splitlines()
        kinds = {line.split()[0]: line.split()[1] for line in listing}
        self._content = {
            name: repo.git_bytes("cat-file", kind, name, env=_ORIGINAL)
            for name, kind in kinds.items()
            if kind in {"commit", "tree"}
        }
        self._commits = [name for name, kind in kinds.items() if kind == "commit"]
        self._files: dict[str, Entries] = {}

    def changes(self) -> Iterator[Step]:
        """Yield commit, path, ids in the parents and id of each file that differs from that of all parents."""
        for commit, path, own, parents in self._all():
            if own[0] != _SUBMODULE:
                yield commit, path.decode(), tuple(each[1] for each in parents), own[1]

    def submodules(self) -> Iterator[tuple[str, str]]:
        """Yield commit and path of each change that involves a submodule."""
        for commit, path, own, parents in self._all():
            if _SUBMODULE in {own[0], *(each[0] for each in parents)}:
                yield commit, path.decode()

    def _all(self) -> Iterator[tuple[str, bytes, tuple[bytes, str], list[tuple[bytes, str]]]]:
        nothing = (b"", _NULL)
        for commit in self._commits:
            header = self._content[commit].split(b"\n\n", 1)[0].decode().splitlines()
            own = self._listed(header[0].removeprefix("tree "))
            parents = [self._tree_of(line.removeprefix("parent ")) for line in header if line.startswith("parent ")]
            for path in sorted({*own, *(path for each in parents for path in each)}):
                before = [each.get(path, nothing) for each in parents] or [nothing]
                mine = own.get(path, nothing)
                if all(each != mine for each in before):
                    yield commit, path, mine, before

    def _tree_of(self, commit: str) -> Entries:
        return self._listed(self._content[commit][5:45].decode())

    def _listed(self, tree: str) -> Entries:
        if tree not in self._files:
            found: Entries = {}
            data = self._content[tree]
            while data:
                head, _, rest = data.partition(b"\0")
                mode, _, name = head.partition(b" ")
                object_id, data = rest[:20].hex(), rest[20:]
                if mode == b"40000":
                    found |= {name + b"/" + path: entry for path, entry in self._listed(object_id).items()}
                else:
                    found[name] = (mode, object_id)
            self._files[tree] = found
        return self._files[tree]


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("is_packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("is_reachable", [False, True], ids=["lost", "reachable"])
def test_a_missing_folder_of_a_commit_is_named_although_nothing_leads_to_a_match(
    tmp_path: Path, is_packed: bool, is_reachable: bool
) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a": f"token = '{Mint(1).user_token()}'\n"})
    commit = repo.commit(files={"folder/b": "one\n"})
    if not is_reachable:
        repo.git("reset", "-q", "--hard", "HEAD~1")
        repo.git("reflog", "expire", "--expire=all", "--all")
    tree = repo.git("rev-parse", f"{commit}:folder")
    if is_packed:
        pack(repo, [name for name in ids_of(repo) if name != tree])
        repo.git("prune-packed", "-q")
    remove(repo, [tree])
    found = findings(repo.path, is_narrowed=True)
    assert found == findings(repo.path, is_narrowed=False)
    named = "".join(f"{each.where} {each.reason}" for each in found if isinstance(each, Skipped))
    assert commit in named
    assert tree in named or not is_reachable
