"""A repository in one file is read: a bundle, a pack on its own, a `.git` folder inside an archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.detect import Detector, Limits


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("add", {"a.py": Mint(1).user_token()})
    made.commit("remove", {"a.py": ""})
    made.commit("write", {"b.py": "x = 1\n" * 500})
    made.commit(f"mention {Mint(2).user_token()}", {"b.py": "x = 1\n" * 500 + Mint(3).user_token()})
    made.git("repack", "-adq")
    return made


def _pack(repo: GitRepo) -> bytes:
    (pack,) = (repo.path / ".git" / "objects" / "pack").glob("*.pack")
    return pack.read_bytes()


def _bundle(repo: GitRepo) -> bytes:
    repo.git("bundle", "create", "-q", "x.bundle", "--all")
    return (repo.path / "x.bundle").read_bytes()


def _zip(repo: GitRepo) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("repo/.git/objects/pack/pack-1.pack", _pack(repo))
    return made.getvalue()


def _tar(repo: GitRepo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo("repo/.git/objects/pack/pack-1.pack")
        member.size = len(_pack(repo))
        archive.addfile(member, io.BytesIO(_pack(repo)))
    return made.getvalue()


EXPECTED = {Mint(number).user_token() for number in (1, 2, 3)}


def _found(data: bytes) -> set[str]:
    return {each.secret.reveal() for each in Detector.load().scan(data).detections}


def _tree(folder: Path) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.add(folder, "repo")
    return made.getvalue()


@pytest.mark.parametrize("make", [_bundle, _pack, _zip, _tar])
def test_a_repository_in_one_file_is_read(repo: GitRepo, make: object) -> None:
    assert callable(make)
    data = make(repo)
    assert _found(data) == EXPECTED
    assert Detector.load().scan(data).skipped == ()
    assert _found(b"\0" * 99 + data) == EXPECTED


def test_a_git_folder_in_an_archive_is_read_packed_or_not(repo: GitRepo, tmp_path: Path) -> None:
    assert _found(_tree(repo.path)) == EXPECTED
    loose = GitRepo(tmp_path / "loose")
    loose.git("unpack-objects", "-q", stdin=_pack(repo))
    assert _found(_tree(loose.path)) == EXPECTED


def test_objects_of_a_sha256_repository_are_read(tmp_path: Path) -> None:
    made = GitRepo(tmp_path / "sha256", object_format="sha256")
    made.commit("add", {"a.py": "x = 1\n" * 500})
    made.commit("more", {"a.py": "x = 1\n" * 500 + Mint(1).user_token()})
    made.git("repack", "-adq")
    assert _found(_pack(made)) == _found(_bundle(made)) == {Mint(1).user_token()}


def test_the_object_is_named(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "x.bundle").write_bytes(_bundle(repo))
    ran = tokenaudit("scan", tmp_path / "x.bundle", "-f", "json", home=tmp_path)
    assert ran.code == 1
    members = {place["member"] for each in ran.report["credentials"] for place in each["locations"]}
    assert members == {repo.head("HEAD~3:a.py"), repo.head(), repo.head("HEAD:b.py")}


def test_what_cannot_be_read_is_reported(repo: GitRepo) -> None:
    pack = _pack(repo)
    assert any("unpack-objects" in reason for reason in Detector.load().scan(pack[: len(pack) // 2]).skipped)
    repo.git("bundle", "create", "-q", "thin.bundle", "HEAD~1..HEAD")
    thin = Detector.load().scan((repo.path / "thin.bundle").read_bytes()).skipped
    assert any("git bundle unbundle" in reason for reason in thin)


def test_limits_hold_inside_a_pack(repo: GitRepo) -> None:
    scanned = Detector.load(limits=Limits(size=1000)).scan(_pack(repo))
    assert any("not read to its end" in reason for reason in scanned.skipped)


def test_an_object_beyond_the_limit_is_not_inflated_to_its_end() -> None:
    """What follows is not looked at: the stream below breaks off, and that is not what is reported."""
    size = 4 << 30
    stream = zlib.compress(bytes(4 << 20))[:-40]
    pack = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + hostile.entry(hostile.BLOB, size, stream)
    found = Detector.load().scan(pack + bytes(20))
    assert any("was not read to its end" in reason for reason in found.skipped)
    assert not any("damaged" in reason for reason in found.skipped)


@pytest.mark.parametrize("size", [3, 4 << 30])
def test_an_object_that_is_not_what_its_size_claims_is_damaged(size: int) -> None:
    pack = b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + hostile.entry(hostile.BLOB, size, b"no stream")
    assert any("damaged" in reason for reason in Detector.load().scan(pack + bytes(20)).skipped)
