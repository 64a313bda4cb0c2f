"""Repositories of one scan that share folders of objects: each has the findings that it has alone."""

from __future__ import annotations

import random
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.hostile import BLOB, entry, write_pack
from tests.support.mint import Mint
from tests.support.randomrepo import random_repository
from tokenaudit.detect import Detector
from tokenaudit.git import object_store
from tokenaudit.git.layout import is_small
from tokenaudit.git.pack import ChecksumPartition
from tokenaudit.git.searched import expect, searched_once
from tokenaudit.interfaces import Finding, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local import git_history
from tokenaudit.sources.local.filesystem import TreeSource
from tokenaudit.sources.local.git_history import HistorySource, NestedHistoriesSource

Read = tuple[list[Finding], int, int, "str | None"]
SCANNER = Detector.load()


@pytest.fixture(autouse=True)
def read_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read small repositories in the way of large ones."""
    monkeypatch.setattr(object_store, "SMALL_REPOSITORY", 0)
    monkeypatch.setattr(object_store, "_MANY_OBJECTS", 0)
    monkeypatch.setattr(git_history, "_MANY_COMMITS", 0)


def read(path: Path, jobs: int = 1) -> Read:
    run = ScanContext(SCANNER, jobs)
    source = HistorySource(path, path.name)
    findings = list(source.findings(run))
    return findings, run.objects, run.bytes, source.absent


def together(paths: Iterable[Path], jobs: int = 1) -> list[Read]:
    paths = list(paths)
    with searched_once():
        expect(paths)
        return [read(path, jobs) for path in paths]


@pytest.fixture
def partitions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Of each repository, the numbers of objects and checksums that it reads."""
    found: list[tuple[int, int]] = []
    real = object_store.plan

    def plan(*arguments: object, **named: object) -> object_store.ScanPlan:
        work = real(*arguments, **named)  # type: ignore[arg-type] # passed on
        checksums = sum(isinstance(each, ChecksumPartition) for each in work.partitions)
        found.append((work.objects, checksums))
        return work

    monkeypatch.setattr(git_history, "plan", plan)
    return found


def borrow(repo: GitRepo, *lenders: GitRepo) -> None:
    lines = [f"{lender.git_dir}/objects\n" for lender in lenders]
    (repo.git_dir / "objects/info/alternates").write_text("".join(lines))


def copy_refs(repo: GitRepo, lender: GitRepo, name: str) -> None:
    for line in lender.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines():
        ref, object_id = line.split()
        repo.git("update-ref", ref.replace("refs/", f"refs/{name}/", 1), object_id)


class Family:
    """Two lenders with packs, some objects in both or in several packs, and repositories that borrow from them."""

    def __init__(self, folder: Path, seed: int) -> None:
        dice = random.Random(seed)
        mint = Mint(seed)
        tokens = [mint.user_token() for _ in range(3)]
        self.lenders = [
            random_repository(folder / f"lender{number}", seed + number % 2, commits=12, plant=tokens[number:])
            for number in range(2)
        ]
        for lender in self.lenders:
            lender.git("repack", "-adq")
        ids = [line.split()[0] for line in listed(self.lenders[0]) if line.split()[1] != "tree"]
        some = "\n".join(dice.sample(ids, len(ids) // 3)) + "\n"
        self.lenders[1].git("unpack-objects", "-q", stdin=pack_of(self.lenders[0], some))
        if seed % 2:
            self.lenders[1].git("pack-objects", "-q", "objects/pack/pack", stdin=some.encode())
        self.borrowers = [GitRepo(folder / f"borrower{number}", bare=True) for number in range(3)]
        for number, repo in enumerate(self.borrowers):
            chosen = dice.sample(self.lenders, 1 + number % 2)
            borrow(repo, *chosen)
            for place, lender in enumerate(chosen):
                copy_refs(repo, lender, f"l{place}")
            blob = repo.blob(f"own {dice.choice(tokens)} {number}\n".encode())
            if dice.random() < 0.5 and self.lenders[0] in chosen:
                repo.git("pack-objects", "-q", "objects/pack/pack", stdin=f"{blob}\n{ids[0]}\n".encode())
        borrow(self.borrowers[2], self.borrowers[0])
        self.paths = [repo.path for repo in (*self.lenders, *self.borrowers)]
        dice.shuffle(self.paths)


def listed(repo: GitRepo) -> list[str]:
    return repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()


def pack_of(repo: GitRepo, ids: str) -> bytes:
    return repo.git_bytes("pack-objects", "-q", "--stdout", stdin=ids.encode())


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("seed", range(3))
def test_findings_and_counts_are_those_of_each_repository_alone(
    tmp_path: Path, seed: int, partitions: list[tuple[int, int]]
) -> None:
    paths = Family(tmp_path, seed).paths
    alone = [read(path) for path in paths]
    objects = sum(count for count, _ in partitions)
    partitions.clear()
    assert together(paths) == alone
    assert sum(count for count, _ in partitions) < objects
    assert any(findings for findings, *_ in alone)


def test_processes_share_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenaudit.git.parallel.SMALL_WORK", 0)
    paths = Family(tmp_path, 5).paths
    assert together(paths, jobs=2) == [read(path) for path in paths]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[GitRepo, GitRepo]:
    """A lender with one pack, and a repository that has nothing else."""
    lender = random_repository(tmp_path / "lender", 3, plant=[Mint(3).user_token()])
    lender.git("repack", "-adq")
    repo = GitRepo(tmp_path / "borrower", bare=True)
    borrow(repo, lender)
    copy_refs(repo, lender, "lent")
    return lender, repo


@pytest.mark.usefixtures("packs_read_by")
def test_a_pack_is_searched_once_and_its_commits_are_chosen_once(
    pair: tuple[GitRepo, GitRepo], partitions: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tokenaudit.git.candidates as module  # noqa: PLC0415 - replaced below

    calls: Counter[Path] = Counter()
    real = module.commits_to_compare

    def count(git_dir: Path, *arguments: object, **named: object) -> object:
        calls[git_dir] += 1
        return real(git_dir, *arguments, **named)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(module, "commits_to_compare", count)
    lender, repo = pair
    found = together([lender.path, repo.path])
    assert partitions[0][1] == 1
    assert partitions[1] == (0, 0)
    assert calls == {lender.git_dir: 1}
    assert found[0][0]
    assert found == [read(lender.path), read(repo.path)]


def test_nothing_is_kept_for_repositories_without_others(
    tmp_path: Path, pair: tuple[GitRepo, GitRepo], partitions: list[tuple[int, int]]
) -> None:
    other = random_repository(tmp_path / "other", 4)
    other.git("repack", "-adq")
    lender, repo = pair
    with searched_once():
        expect([other.path, lender.path])
        read(other.path)
        read(lender.path)
        read(repo.path)  # not announced
    assert all(objects and checksums for objects, checksums in partitions)


@pytest.mark.usefixtures("packs_read_by")
def test_each_repository_names_a_damaged_pack(pair: tuple[GitRepo, GitRepo]) -> None:
    lender, repo = pair
    (pack,) = (lender.git_dir / "objects/pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)
    found = together([lender.path, repo.path])
    for findings, *_ in found:
        assert any(isinstance(each, Skipped) and pack.name in each.where for each in findings)
    assert found == [read(lender.path), read(repo.path)]


def test_a_pack_that_has_changed_is_read_again(
    pair: tuple[GitRepo, GitRepo], partitions: list[tuple[int, int]]
) -> None:
    lender, repo = pair
    with searched_once():
        expect([lender.path, repo.path])
        read(lender.path)
        (pack,) = (lender.git_dir / "objects/pack").glob("*.pack")
        data = bytearray(pack.read_bytes())
        data[-25] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(data)
        findings, *_ = read(repo.path)
    assert partitions[1][0]
    assert any(isinstance(each, Skipped) and pack.name in each.where for each in findings)


@pytest.mark.usefixtures("packs_read_by")
def test_an_object_counts_as_read_only_from_the_pack_it_was_read_from(tmp_path: Path) -> None:
    """The first repository reads it from a pack of its own; its copy in the shared pack is damaged."""
    lender, first, second = (GitRepo(tmp_path / name, bare=True) for name in ("lender", "first", "second"))
    contents = [b"content %d" % number for number in range(3)]
    ids = [lender.git("hash-object", "--stdin", stdin=content) for content in contents]
    whole = [
        (bytes.fromhex(name), entry(BLOB, len(data), zlib.compress(data)))
        for name, data in zip(ids, contents, strict=True)
    ]
    bad = (whole[0][0], entry(BLOB, 5, zlib.compress(b"wrong length")))
    write_pack(lender.git_dir / "objects/pack", sorted([bad, whole[1]]))
    write_pack(first.git_dir / "objects/pack", sorted(whole))
    for repo in (first, second):
        borrow(repo, lender)
    found = together([first.path, second.path])
    assert not any(isinstance(each, Skipped) and ids[0] in each.where for each in found[0][0])
    assert any(isinstance(each, Skipped) and ids[0] in each.where for each in found[1][0])
    assert found == [read(first.path), read(second.path)]


@pytest.mark.parametrize("kind", ["tree", "histories"])
def test_repositories_below_one_folder_share(
    pair: tuple[GitRepo, GitRepo], partitions: list[tuple[int, int]], kind: str
) -> None:
    folder = pair[0].path.parent

    def findings() -> list[Finding]:
        run = ScanContext(SCANNER)
        source = TreeSource(folder, "x") if kind == "tree" else NestedHistoriesSource(folder, "x", "none")
        return list(source.findings(run))

    alone = findings()
    assert all(objects for objects, _ in partitions)
    partitions.clear()
    with searched_once():
        assert findings() == alone
    assert sorted(objects > 0 for objects, _ in partitions) == [False, True]


def test_a_repository_that_borrows_is_not_taken_for_small(pair: tuple[GitRepo, GitRepo], tmp_path: Path) -> None:
    lender, repo = pair
    assert is_small(lender.path)
    assert not is_small(repo.path)
    shutil.rmtree(tmp_path / "lender")
    assert not is_small(repo.path)
