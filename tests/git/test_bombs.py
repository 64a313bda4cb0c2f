"""Small repositories that want to become large: bounded in time and memory, said, and nothing else lost."""

from __future__ import annotations

import hashlib
import random
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tests.support.hostile import BLOB, MIB, OFS_DELTA, REF_DELTA
from tests.support.measured import MEMORY, SECONDS, Measured, measured
from tests.support.mint import Mint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")

GIB = 1 << 30


@pytest.fixture
def token() -> str:
    return Mint(20).user_token()


@pytest.fixture
def repo(tmp_path: Path, token: str) -> GitRepo:
    """A repository with one leak that has to be found whatever else lies beside it."""
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {token}\n"})
    made.commit("fix", {"leak.txt": "gone\n"})
    return made


def scanned(target: str | Path, home: Path) -> Measured:
    ran = measured("scan", target, "--only", "history", "-f", "json", home=home)
    assert ran.peak < MEMORY, f"{ran.peak / MIB:.0f} MiB"
    assert ran.seconds < SECONDS
    return ran


def finds(ran: Measured, commits: int = 1) -> None:
    """The leak is in the report, with the commit that brought it."""
    locations = [each for found in ran.report["credentials"] for each in found["locations"]]
    assert len([each for each in locations if each["commit"] and each["path"] == "leak.txt"]) == commits


def objects(repo: GitRepo) -> Path:
    return repo.git_dir / "objects"


def sha1(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).digest()  # noqa: S324 - git's


def large_blob(repo: GitRepo, size: int, tail: bytes) -> str:
    name = hostile.loose_zeros(objects(repo), size, tail)
    repo.git("update-ref", "refs/tags/large", name)
    return name


@pytest.mark.parametrize("how", ["loose", "packed", "url"])
def test_a_blob_of_zeros_is_searched_as_a_stream(repo: GitRepo, tmp_path: Path, how: str) -> None:
    second = Mint(21).user_token()
    large_blob(repo, 3 * GIB // 2, f"\nkey = {second}\n".encode())
    if how != "loose":
        repo.git("-c", "core.bigFileThreshold=1m", "repack", "-adq")
    ran = scanned(f"file://{repo.path}" if how == "url" else repo.path, tmp_path)
    finds(ran)
    assert ran.report["skipped"] == []
    assert len(ran.report["credentials"]) == 2


def test_a_loose_blob_of_four_gigabytes(repo: GitRepo, tmp_path: Path) -> None:
    large_blob(repo, 4 * GIB, b"")
    ran = scanned(repo.path, tmp_path)
    finds(ran)


@pytest.mark.parametrize("padding", [0, 5 * MIB], ids=["small", "large"])
def test_a_chain_of_deltas_to_two_gigabytes(repo: GitRepo, tmp_path: Path, padding: int) -> None:
    """With padding the pack is large enough to be read directly."""
    sizes = [MIB, 16 * MIB, 64 * MIB, 512 * MIB, 2 * GIB]
    packed, digest = hostile.zeros(sizes[0])
    del digest
    name = sha1("blob", bytes(sizes[0]))
    entries = [(name, hostile.entry(BLOB, sizes[0], packed))]
    for before, size in pairwise(sizes):
        delta = hostile.copies(before, size)
        base, name = name, bytes([size.bit_length()]) * 20
        entries.append((name, hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), base)))
    entries += filler(padding)
    hostile.write_pack(objects(repo) / "pack", entries)
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert not ran.report["complete"]
    assert any(entries[-1 if not padding else 4][0].hex() in where for where in ran.reasons)


def filler(size: int) -> list[tuple[bytes, bytes]]:
    noise = random.Random(1).randbytes(size)
    return [(sha1("blob", noise), hostile.entry(BLOB, size, zlib.compress(noise, 0)))] if size else []


@pytest.mark.parametrize("padding", [0, 5 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("claimed", [2**31, 7 * 10**10, 2**62])
def test_an_entry_that_claims_more_than_it_has(repo: GitRepo, tmp_path: Path, padding: int, claimed: int) -> None:
    name = sha1("blob", b"claims")
    entries = [(name, hostile.entry(BLOB, claimed, zlib.compress(b"claims"))), *filler(padding)]
    hostile.write_pack(objects(repo) / "pack", entries)
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert any(name.hex() in where for where in ran.reasons)


@pytest.mark.parametrize("padding", [0, 5 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("claimed", [2**31, 7 * 10**10, 2**62])
def test_a_delta_that_claims_more_than_it_makes(repo: GitRepo, tmp_path: Path, padding: int, claimed: int) -> None:
    base = sha1("blob", b"base" * 100)
    name = sha1("blob", b"delta")
    delta = hostile.number(400) + hostile.number(claimed) + bytes([0x90, 4])
    entries = [
        (base, hostile.entry(BLOB, 400, zlib.compress(b"base" * 100))),
        (name, hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), base)),
        *filler(padding),
    ]
    hostile.write_pack(objects(repo) / "pack", entries)
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert any(name.hex() in where for where in ran.reasons)


@pytest.mark.parametrize("padding", [0, 5 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("length", [1, 2, 300])
def test_a_cycle_of_deltas(repo: GitRepo, tmp_path: Path, padding: int, length: int) -> None:
    names = [hashlib.sha1(b"%d" % each).digest() for each in range(length)]  # noqa: S324 - git's
    delta = hostile.copies(10, 10)
    entries = [
        (name, hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), names[(place + 1) % length]))
        for place, name in enumerate(names)
    ]
    hostile.write_pack(objects(repo) / "pack", [*entries, *filler(padding)])
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert not ran.report["complete"]


def test_many_deltas_that_each_make_something_large(repo: GitRepo, tmp_path: Path) -> None:
    """Every one is below the bound for an object; together they would take minutes."""
    size = 32 * MIB
    packed, _ = hostile.zeros(MIB)
    root = sha1("blob", bytes(MIB))
    entries = [(root, hostile.entry(BLOB, MIB, packed))]
    body = len(entries[0][1])
    for each in range(3000):
        delta = hostile.copies(MIB, size, each.to_bytes(4, "big"))
        made = hostile.entry(OFS_DELTA, len(delta), zlib.compress(delta), hostile.distance(body))
        entries.append((hashlib.sha1(b"%d" % each).digest(), made))  # noqa: S324 - git's
        body += len(made)
    hostile.write_pack(objects(repo) / "pack", entries)
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert any("further objects" in where for where in ran.reasons)


@pytest.mark.parametrize(
    "content",
    [b"blob 100000000000000000000\0x", b"blob -1\0x", b"blob 7\0", b"\0", b"", b"bolb 1\0x"],
)
def test_a_loose_object_with_a_header_that_is_wrong(repo: GitRepo, tmp_path: Path, content: bytes) -> None:
    name = hostile.loose(objects(repo), content)
    ran = scanned(repo.path, tmp_path)
    finds(ran)
    assert any(name in where for where in ran.reasons)


def _tree(*entries: bytes) -> bytes:
    return b"".join(entries)


@pytest.mark.parametrize(
    "make",
    [
        lambda blob: b"100644 \0" + blob,
        lambda blob: b" name\0" + blob,
        lambda blob: b"100644 name\0" + blob[:10],
        lambda blob: b"100644 a/b\0" + blob,
        lambda blob: b"999999999999999999999999 x\0" + blob,
        lambda blob: b"100644 ../x\0" + blob,
        lambda blob: b"100644 \xff\xfe\n\t\0" + blob,
        lambda _: b"no nul at all",
        lambda blob: b"40000 x\0" + blob,
    ],
    ids=["no name", "no mode", "cut", "slash", "long mode", "dots", "odd name", "no nul", "wrong type"],
)
def test_a_tree_with_an_odd_entry(repo: GitRepo, tmp_path: Path, make: Callable[[bytes], bytes]) -> None:
    blob = bytes.fromhex(repo.head("HEAD:leak.txt"))
    content = make(blob)
    tree = hostile.loose(objects(repo), b"tree %d\0" % len(content) + content)
    parent = repo.head()
    commit = f"tree {tree}\nparent {parent}\nauthor A <a@example.org> 1 +0000\ncommitter A <a@example.org> 1 +0000\n\nx"
    name = hostile.loose(objects(repo), b"commit %d\0" % len(commit) + commit.encode())
    (repo.git_dir / "refs" / "heads" / "odd").write_text(f"{name}\n")
    ran = scanned(repo.path, tmp_path)
    finds(ran)


@pytest.mark.parametrize("part", ["history", "ci"])
def test_a_tree_of_endless_files(repo: GitRepo, tmp_path: Path, part: str) -> None:
    """Ten folders in each of ten folders, and so on: three objects each level, 10^12 files."""
    line = repo.git("mktree", stdin=f"100644 blob {repo.head('HEAD:leak.txt')}\tfile.yml\n".encode())
    for _ in range(12):
        listing = "".join(f"040000 tree {line}\t{name}\n" for name in "abcdefghij")
        line = repo.git("mktree", stdin=listing.encode())
    commit = repo.git("commit-tree", "-m", "bomb", "-p", "HEAD", line)
    repo.git("update-ref", "refs/heads/main", commit)
    bare = tmp_path / "bare"
    repo.git("clone", "-q", "--bare", str(repo.path), str(bare))
    ran = measured("scan", bare, "--only", part, "-f", "json", home=tmp_path)
    assert ran.peak < MEMORY
    assert ran.seconds < SECONDS
    if part == "history":
        finds(ran)
    else:
        assert any("configuration" in reason for reason in ran.reasons.values())
