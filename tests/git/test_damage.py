"""Damaged repositories: no crash, no hang, nothing wrong taken for right, and every loss said."""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.git.test_object_store import read, reference
from tests.support.gitrepo import GitRepo
from tests.support.randomrepo import random_repository
from tokenaudit.git.layout import open_repository
from tokenaudit.git.object_store import plan
from tokenaudit.git.objects import Unread

pytestmark = pytest.mark.usefixtures("packs_read_by")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    repo = random_repository(tmp_path_factory.mktemp("whole") / "repo", 11, commits=40)
    repo.git("repack", "-adfq", "--depth=20")
    return repo


@pytest.fixture
def copy(whole: GitRepo, tmp_path: Path) -> GitRepo:
    shutil.copytree(whole.path, tmp_path / "copy")
    return GitRepo(tmp_path / "copy", bare=True)


def only(repo: GitRepo, pattern: str) -> Path:
    (found,) = (repo.git_dir / "objects/pack").glob(pattern)
    found.chmod(0o644)
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_pack_is_noticed(whole: GitRepo, tmp_path: Path, where: float, bit: int) -> None:
    """The pack is named, and so is whatever is lost; what is delivered otherwise has changed its type only."""
    home = tmp_path / "damaged"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(whole.path, home)
    repo = GitRepo(home, bare=True)
    pack = only(repo, "*.pack")
    data = bytearray(pack.read_bytes())
    place = 12 + int(where * (len(data) - 12))
    data[place] ^= 1 << bit
    pack.write_bytes(data)
    expected = reference(whole)
    found, unread = read(repo.path)
    named = {item.id for item in unread}
    assert pack.name in named
    if not found:
        return  # the checksum itself was hit: it no longer fits the index, so none of the pack is trusted
    assert {name for name, _ in expected} - {name for name, _ in found} <= named
    # The three bits that tell an object's type stand outside its body, and the deltas on it inherit what they say.
    delivered = dict(found)
    changed = {name for name, _ in expected - found} & set(delivered)
    assert all(delivered[name] in _under_any_type(whole, name) for name in changed - named)


def test_a_small_damaged_repository_is_not_called_clean(copy: GitRepo) -> None:
    """Git itself reads small ones, and doesn't look at checksums."""
    pack = only(copy, "*.pack")
    data = bytearray(pack.read_bytes())
    first = 12  # a commit, which this makes a tag
    data[first] ^= 0b101_0000
    pack.write_bytes(data)
    work = plan(open_repository(copy.path), 1)
    told = [item for partition in work.partitions for item in partition.read() if isinstance(item, Unread)]
    assert pack.name in {item.id for item in told}


def _under_any_type(repo: GitRepo, name: str) -> set[str]:
    content = repo.git_bytes("cat-file", repo.git("cat-file", "-t", name), name)
    return {hashlib.sha256(kind + content).hexdigest() for kind in (b"blob", b"tree", b"commit", b"tag")}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 40))
def test_a_damaged_index_never_crashes(whole: GitRepo, tmp_path: Path, seed: int, count: int) -> None:
    dice = random.Random(seed)
    home = tmp_path / "damaged"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(whole.path, home)
    index = only(GitRepo(home, bare=True), "*.idx")
    data = bytearray(index.read_bytes())
    for _ in range(count):
        data[dice.randrange(len(data))] = dice.randrange(256)
    index.write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
    read(home)


@pytest.mark.parametrize("kept", [0, 5, 12, 40, 1000, -1, -20, -21])
def test_a_pack_cut_short_is_said(copy: GitRepo, kept: int) -> None:
    pack = only(copy, "*.pack")
    pack.write_bytes(pack.read_bytes()[:kept])
    found, unread = read(copy.path)
    assert found == set()
    assert [item.id for item in unread] == [pack.name]


def test_the_index_of_another_pack_is_said(copy: GitRepo, tmp_path: Path) -> None:
    other = random_repository(tmp_path / "other", 12)
    shutil.copy(only(other, "*.idx"), only(copy, "*.idx"))
    _, unread = read(copy.path)
    assert [item.reason for item in unread] == ["does not match its index, or is truncated"]


def test_one_damaged_pack_does_not_hide_the_others(copy: GitRepo) -> None:
    blob = copy.blob(b"in another pack")
    copy.git_bytes("pack-objects", "-q", str(copy.git_dir / "objects/pack/pack"), stdin=f"{blob}\n".encode())
    largest = max((copy.git_dir / "objects/pack").glob("*.pack"), key=lambda pack: pack.stat().st_size)
    largest.chmod(0o644)
    largest.write_bytes(b"PACK")
    (copy.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    found, unread = read(copy.path)
    assert {name for name, _ in found} == {blob}
    assert [item.id for item in unread] == [largest.name]


@pytest.mark.parametrize("content", [b"", b"junk", b"x\x9c"])
def test_a_damaged_loose_object_is_named(copy: GitRepo, content: bytes) -> None:
    good, bad = copy.blob(b"good"), copy.blob(b"bad" * 100)
    file = copy.git_dir / "objects" / bad[:2] / bad[2:]
    file.chmod(0o644)
    file.write_bytes(content)
    found, unread = read(copy.path)
    assert good in {name for name, _ in found}
    assert [(item.id, item.reason) for item in unread] == [(bad, "the object is corrupt")]


def test_a_loose_object_of_the_wrong_length_is_named(copy: GitRepo) -> None:
    import zlib  # noqa: PLC0415 - only here

    bad = copy.blob(b"four")
    file = copy.git_dir / "objects" / bad[:2] / bad[2:]
    file.chmod(0o644)
    for header in (b"blob 3\0", b"blob 5\0", b"blob 99999999999999\0", b"blub 4\0", b"blob four\0"):
        file.write_bytes(zlib.compress(header + b"four"))
        _, unread = read(copy.path)
        assert [item.id for item in unread] == [bad]
