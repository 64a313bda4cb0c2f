"""A repository in one file is never passed over in silence: a bundle, a pack on its own, one inside an archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("add", {"a.py": Mint(1).user_token()})
    made.commit("remove", {"a.py": ""})
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


@pytest.mark.parametrize(
    ("make", "name", "word"),
    [(_bundle, "x.bundle", "bundle"), (_pack, "x.pack", "pack"), (_zip, "x.zip", "pack"), (_tar, "x.tgz", "pack")],
)
@pytest.mark.parametrize("target", ["folder", "file"])
def test_a_repository_in_one_file_is_reported(
    repo: GitRepo, tmp_path: Path, make: object, name: str, word: str, target: str
) -> None:
    assert callable(make)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(make(repo))
    ran = tokenaudit("scan", folder if target == "folder" else folder / name, "-f", "json", home=tmp_path)
    assert ran.code == 3
    assert ran.report["complete"] is False
    assert any(f"git {word}" in each["reason"] for each in ran.report["skipped"])
