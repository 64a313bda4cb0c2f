"""The pack reader delivers exactly what `git cat-file` delivers."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gitrepo import GitRepo
from tests.support.randomrepo import random_repository
from tokenaudit.git import object_store
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import GitObject, ObjectType, Unread
from tokenaudit.git.pack import layout
from tokenaudit.git.reachability import MissingObjects

ALL: tuple[ObjectType, ...] = ("blob", "commit", "tag", "tree")
_numbers = itertools.count()


def delivered(path: Path, jobs: int = 2) -> set[tuple[str, str]]:
    """(id, SHA-256 of the content) of everything the pack reader reads; fails on a double and on anything unread."""
    found, unread = read(path, jobs)
    assert unread == []
    return found


def read(path: Path, jobs: int = 2) -> tuple[set[tuple[str, str]], list[Unread]]:
    work = plan(open_repository(path), jobs, ALL, small=0)
    assert work.note is None
    found: dict[str, str] = {}
    unread = list(work.unread)
    for partition in work.partitions:
        count = 0
        for item in partition.read():
            if isinstance(item, Unread):
                unread.append(item)
                continue
            assert item.id not in found, "read twice"
            found[item.id] = hashlib.sha256(item.type.encode() + item.data).hexdigest()
            count += 1
        assert count <= partition.count
    return set(found.items()), unread


def reference(repo: GitRepo) -> set[tuple[str, str]]:
    """The same, by git itself."""
    output = repo.git_bytes("cat-file", "--batch-all-objects", "--batch")
    found: set[tuple[str, str]] = set()
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, kind, size = output[at:end].split()
        content = output[end + 1 : end + 1 + int(size)]
        found.add((name.decode(), hashlib.sha256(kind + content).hexdigest()))
        at = end + 1 + int(size) + 1
    return found


def _as_imported(repo: GitRepo) -> None:
    del repo


def _one_pack(repo: GitRepo) -> None:
    repo.git("repack", "-adfq", "--depth=50", "--window=20")


def _deep(repo: GitRepo) -> None:
    repo.git("repack", "-adfq", "--depth=4000", "--window=250")


def _ref_deltas(repo: GitRepo) -> None:
    repo.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=20")


def _old_index(repo: GitRepo) -> None:
    repo.git("-c", "pack.indexVersion=1", "repack", "-adfq")


def _large_offsets(repo: GitRepo) -> None:
    """Every offset beyond 64 bytes goes to the table of 64-bit offsets."""
    _one_pack(repo)
    for index in (repo.git_dir / "objects/pack").glob("*.idx"):
        index.chmod(0o644)
        index.unlink()
        repo.git("index-pack", "--index-version=2,0x40", str(index.with_suffix(".pack")))


def _all_loose(repo: GitRepo) -> None:
    packs = repo.git_dir / "objects/pack"
    aside = repo.path.parent / "aside"
    shutil.move(packs, aside)
    packs.mkdir()
    for pack in aside.glob("*.pack"):
        repo.git_bytes("unpack-objects", "-q", stdin=pack.read_bytes())
    shutil.rmtree(aside)


def _packed_and_loose(repo: GitRepo) -> None:
    """Every object both packed and loose, and some only loose."""
    packs = [pack.read_bytes() for pack in (repo.git_dir / "objects/pack").glob("*.pack")]
    _all_loose(repo)
    for pack in packs:
        repo.git_bytes("index-pack", "--stdin", stdin=pack)
    repo.blob(b"only loose")


def _several_packs(repo: GitRepo) -> None:
    """Packs that overlap, with an index over all of them."""
    ids = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    third = len(ids) // 3
    for part in (ids[: 2 * third], ids[third:], ids[::2]):
        repo.git_bytes(
            "pack-objects", "-q", str(repo.git_dir / "objects/pack/pack"), stdin="\n".join([*part, ""]).encode()
        )
    repo.git("multi-pack-index", "write")


def _borrowed(repo: GitRepo) -> None:
    """Half of the objects lie in another repository, which borrows from a third."""
    main = repo.git_dir / "objects"
    number = next(_numbers)  # it may be done more than once
    second, third = repo.path.parent / f"second-{number}", repo.path.parent / f"third-{number}"
    (second / "info").mkdir(parents=True)
    shutil.move(main / "pack", second / "pack")
    (main / "pack").mkdir()
    with (main / "info/alternates").open("a") as alternates:
        alternates.write(f"# a comment\n{os.path.relpath(second, main)}\n")
    third.mkdir()
    (second / "info/alternates").write_text(f"{third}\n{main}\n")
    repo.blob(b"own")


SHAPES: list[Callable[[GitRepo], None]] = [
    _as_imported, _one_pack, _deep, _ref_deltas, _old_index, _large_offsets, _all_loose, _packed_and_loose,
    _several_packs, _borrowed,
]  # fmt: skip


@pytest.mark.usefixtures("packs_read_by")
@pytest.mark.parametrize("shape", SHAPES)
def test_every_object_is_delivered_as_git_delivers_it(tmp_path: Path, shape: Callable[[GitRepo], None]) -> None:
    repo = random_repository(tmp_path / "repo", 7, commits=60)
    shape(repo)
    expected = reference(repo)
    assert delivered(repo.path) == expected
    assert delivered(repo.path, jobs=5) == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), shapes=st.lists(st.sampled_from(SHAPES), max_size=3), files=st.integers(1, 8))
def test_random_repositories(tmp_path: Path, seed: int, shapes: list[Callable[[GitRepo], None]], files: int) -> None:
    """Whatever was done to a repository, in whatever order, both readers agree."""
    home = tmp_path / f"{next(_numbers)}"
    repo = random_repository(home / "repo", seed, files=files)
    for shape in shapes:
        shape(repo)
    assert delivered(repo.path) == reference(repo)
    shutil.rmtree(home)


def test_replaced_objects_are_delivered_as_they_are(tmp_path: Path) -> None:
    repo = random_repository(tmp_path / "repo", 3)
    repo.git("replace", repo.head("main"), repo.head("main~1"))
    assert delivered(repo.path) == reference_without_replacing(repo)


def reference_without_replacing(repo: GitRepo) -> set[tuple[str, str]]:
    os.environ["GIT_NO_REPLACE_OBJECTS"] = "1"
    try:
        return reference(repo)
    finally:
        del os.environ["GIT_NO_REPLACE_OBJECTS"]


def test_an_empty_repository_has_nothing(tmp_path: Path) -> None:
    assert delivered(GitRepo(tmp_path / "repo").path) == set()


def test_sha256_repositories_are_read_through_git(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo", object_format="sha256")
    repo.commit("first", {"a": "1"})
    work = plan(open_repository(repo.path), 2, ALL, small=0)
    assert work.note == "read with git: unsupported object format sha256"
    found = {item.id for partition in work.partitions for item in partition.read() if isinstance(item, GitObject)}
    assert found == {name for name, _ in reference(repo)}


def test_a_pack_known_to_the_multi_pack_index_alone_is_read_through_git(tmp_path: Path) -> None:
    repo = random_repository(tmp_path / "repo", 5)
    _several_packs(repo)
    for index in (repo.git_dir / "objects/pack").glob("*.idx"):
        index.unlink()
    work = plan(open_repository(repo.path), 2, ALL, small=0)
    assert work.note is not None
    found = {item.id for partition in work.partitions for item in partition.read() if isinstance(item, GitObject)}
    assert found == {name for name, _ in reference(repo)}


def test_a_missing_alternate_is_said(tmp_path: Path) -> None:
    repo = random_repository(tmp_path / "repo", 6)
    (repo.git_dir / "objects/info/alternates").write_text("/nonexistent/objects\n")
    _, unread = read(repo.path)
    assert unread == [Unread("alternate /nonexistent/objects", "alternate object directory is missing")]


_BEGINNINGS = st.sampled_from([b"\0" * 8, b"a" * 8, b"\xff" * 8, b"b" * 8])
_ALIKE = st.builds(lambda first, last: first + bytes(11) + last, _BEGINNINGS, st.binary(min_size=1, max_size=1))
IDS = st.lists(_ALIKE | st.binary(min_size=20, max_size=20), max_size=20)


@settings(max_examples=200, deadline=None)
@given(IDS, IDS)
def test_ids_are_sorted_and_found_as_strings_are(some: list[bytes], others: list[bytes]) -> None:
    def rows(names: list[bytes]) -> layout.Ids:
        return np.frombuffer(b"".join(names), np.uint8).reshape(-1, 20)

    within = layout.sorted_ids(rows(some))
    assert within.tobytes() == b"".join(sorted(set(some)))
    assert layout.contained(rows(others), within).tolist() == [each in some for each in others]


@settings(max_examples=200, deadline=None)
@given(st.lists(IDS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_ids_that_no_earlier_pack_contains(packs: list[list[bytes]], dice: random.Random) -> None:
    """Also where an index names an object twice, or ids begin alike."""
    expected = [
        [not any(name in before for before in packs[:number]) for name in pack] for number, pack in enumerate(packs)
    ]
    parts = [np.frombuffer(b"".join(pack), np.uint8).reshape(-1, 20) for pack in packs]
    orders = [np.array(dice.sample(range(len(pack)), len(pack)), np.int64) for pack in packs]
    assert [each.tolist() for each in layout.first_occurrences(parts, orders)] == expected


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["packs", "git"])
@pytest.mark.parametrize("folder", ["pack", "part"])
def test_a_folder_of_objects_that_can_not_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, small: int
) -> None:
    """Git lists the others and exits with 0, so that an unreachable object in the folder would be lost."""
    repo = random_repository(tmp_path / "repo", 5, commits=3)
    repo.git("repack", "-adq")
    name = repo.git("hash-object", "-w", "--stdin", stdin=b"unreachable")
    refused = repo.git_dir / "objects" / ("pack" if folder == "pack" else name[:2])
    real = os.scandir, os.listdir

    def refuse(path: object = ".") -> None:
        if os.fspath(path) == str(refused):  # type: ignore[call-overload]
            raise OSError(errno.EMFILE, "Too many open files", str(refused))

    def scandir(path: object = ".") -> object:
        refuse(path)
        return real[0](path)  # type: ignore[call-overload]

    def listdir(path: object = ".") -> object:
        refuse(path)
        return real[1](path)  # type: ignore[call-overload]

    opened = open_repository(repo.path)
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "listdir", listdir)
    work = plan(opened, 1, small=small)
    if folder == "part" and small:  # listed by git, which had no such failure and would have complained
        assert not work.unread
        assert name in {found.id for partition in work.partitions for found in partition.read()}
    else:
        assert [(item.id, item.reason) for item in work.unread] == [
            (str(refused), "folder of objects can't be listed: Too many open files")
        ]
    assert not open_repository(repo.path).partial


@pytest.mark.skipif(sys.platform == "win32", reason="a script as git")
def test_a_folder_that_git_can_not_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git has no file left, for example: it lists what it can, complains, and exits with 0."""
    repo = random_repository(tmp_path / "repo", 5, commits=3)
    repo.git("config", "core.editor", "vi")  # so that git is asked
    git = shutil.which("git")
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "error: unable to open objects/ab: Too many open files" >&2\nexec {git} "$@"\n')
    script.chmod(0o755)
    opened = open_repository(repo.path)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    work = plan(opened, 1)
    assert [(item.id, item.reason) for item in work.unread] == [
        ("part of the objects", "unable to open objects/ab: Too many open files")
    ]
    assert work.objects > 0


def with_loose(path: Path) -> GitRepo:
    """A repository with two packs, and commits, a tag and staged files on top that are not packed."""
    repo = GitRepo(path)
    repo.commit("packed", {"one": "one\n"})
    repo.git("repack", "-adq")
    repo.commit("packed", {"two": "two\n"})
    repo.git("repack", "-dq")
    repo.commit("first", {"folder/a": "a\n"})
    repo.commit("second", {"folder/b": "b\n"})
    repo.tag("annotated", "message")
    repo.write("staged", "staged\n")
    repo.git("add", "staged")
    return repo


def links_of(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """The links that are left to git, and what git misses of those of unpacked objects."""
    monkeypatch.setattr(object_store, "_MANY_OBJECTS", 0)
    links = plan(open_repository(repo.path), 1, small=0).links
    with MissingObjects(repo.git_dir, unpacked=True) as missing:
        return links, [item.id for item in missing.found()]


def test_git_need_not_follow_links_if_all_that_loose_objects_refer_to_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = with_loose(tmp_path / "repo")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    repo.git("commit", "-q", "-m", "with a submodule")
    assert links_of(repo, monkeypatch) == ("none", [])


@pytest.mark.parametrize(
    "lost", ["HEAD", "HEAD~1", "HEAD^{tree}", "HEAD:folder", "HEAD:folder/a", ":staged", "refs/tags/annotated"]
)
def test_git_follows_the_links_if_an_object_that_is_not_packed_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    repo = with_loose(tmp_path / "repo")
    name = repo.head(lost)
    (repo.git_dir / "objects" / name[:2] / name[2:]).unlink()
    links, missing = links_of(repo, monkeypatch)
    assert links == "unpacked"
    assert missing


def test_links_from_objects_that_nothing_leads_to_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = with_loose(tmp_path / "repo")
    lost = repo.commit("third", {"c": "three\n"})
    blob = repo.head("HEAD:c")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=all", "--all")
    (repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    assert links_of(repo, monkeypatch) == ("unpacked", [])
    assert repo.git("cat-file", "-t", lost) == "commit"


def test_git_follows_the_links_of_linked_working_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = with_loose(tmp_path / "repo")
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    assert links_of(repo, monkeypatch) == ("unpacked", [])
