"""Files on disk as a source: everything read, nothing followed, nothing lost."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.mint import Mint
from tests.support.posix import is_root
from tokenaudit.detect import Detector
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.model import Skipped
from tokenaudit.sources.local.filesystem import TreeSource

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file types")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def audit(path: Path, detector: Detector, jobs: int = 1) -> tuple[list[LocatedDetection], list[Skipped], ScanContext]:
    run = ScanContext(detector, jobs=jobs)
    found = list(TreeSource(path, "here").findings(run))
    return (
        [each for each in found if isinstance(each, LocatedDetection)],
        [each for each in found if isinstance(each, Skipped)],
        run,
    )


def test_every_file_is_read_but_those_of_the_git_folder(tmp_path: Path, detector: Detector) -> None:
    mint = Mint(1)
    for name in (".git/config", ".env", "node_modules/a.js", "style.css", "poetry.lock", "sub/.git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"x\nkey = {mint.user_token()}\n")
    sightings, skipped, run = audit(tmp_path, detector)
    assert [(each.location.path, each.location.line, each.location.column) for each in sightings] == [
        (name, 2, 7) for name in (".env", "node_modules/a.js", "poetry.lock", "style.css", "sub/.git/config")
    ]
    assert not skipped
    assert run.objects == 5


def test_links_are_read_but_not_followed(tmp_path: Path, detector: Detector) -> None:
    token = Mint(2).user_token()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text(Mint(3).user_token())
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "out").symlink_to(outside)
    (inside / "round").symlink_to(inside)
    (inside / "text").symlink_to(f"/nowhere/{token}")
    sightings, skipped, _ = audit(inside, detector)
    assert [(each.detection.secret.reveal(), each.location.path, each.location.via) for each in sightings] == [
        (token, "text", ("symlink",))
    ]
    assert [each.where for each in skipped] == ["here: out"]


def test_pipes_and_sockets_are_never_opened(tmp_path: Path, detector: Detector) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert audit(tmp_path, detector)[:2] == ([], [])


@pytest.mark.skipif(is_root, reason="root may read everything")
def test_what_cannot_be_read_is_said(tmp_path: Path, detector: Detector) -> None:
    (tmp_path / "closed").write_text("x")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "folder").mkdir(mode=0)
    skipped = audit(tmp_path, detector)[1]
    (tmp_path / "folder").chmod(0o700)
    assert {each.where for each in skipped} == {"here: closed", "here: folder"}
    assert all("permission denied" in each.reason for each in skipped)


def test_a_path_that_does_not_exist_is_said(tmp_path: Path, detector: Detector) -> None:
    sightings, skipped, _ = audit(tmp_path / "absent", detector)
    assert not sightings
    assert "no such file" in skipped[0].reason


def test_a_single_file_is_a_tree(tmp_path: Path, detector: Detector) -> None:
    file = tmp_path / "one.txt"
    file.write_text(Mint(4).app_token())
    assert [each.location.path for each in audit(file, detector)[0]] == ["one.txt"]


def test_names_of_any_bytes_are_shown_as_text(tmp_path: Path, detector: Detector) -> None:
    for name in (b"new\nline", b"not-utf8-\xff\xfe", "é".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(Mint(5).user_token())
    paths = {each.location.path for each in audit(tmp_path, detector)[0]}
    assert paths == {"new\nline", "not-utf8-\udcff\udcfe", "é"}


def test_a_credential_in_a_name_is_found_and_masked(tmp_path: Path, detector: Detector) -> None:
    token = Mint(6).user_token()
    (tmp_path / f"{token}.txt").write_text(token)
    sightings, _, _ = audit(tmp_path, detector)
    assert [each.location.via for each in sightings] == [("file-name",), ()]
    assert all(token not in str(each.location) for each in sightings)


def test_several_processes_find_what_one_finds(tmp_path: Path, detector: Detector, monkeypatch: Any) -> None:
    mint = Mint(7)
    for number in range(1500):
        text = f"import os  # {number}\n" * 50 + (mint.user_token() if number % 100 == 0 else "")
        (tmp_path / f"{number}.py").write_text(text)
    alone = audit(tmp_path, detector, 1)
    monkeypatch.setattr("tokenaudit.sources.local.parallel._SERIAL_SECONDS", 0.0)
    together = audit(tmp_path, detector, 3)
    assert together[0] == alone[0]
    assert len(together[0]) == 15
    assert (together[2].objects, together[2].bytes) == (alone[2].objects, alone[2].bytes)


def test_lines_and_columns_go_on_over_windows(tmp_path: Path, detector: Detector, monkeypatch: Any) -> None:
    """A file larger than a window is one text all the same, and what lies on a seam is found once."""
    monkeypatch.setattr("tokenaudit.windows.WINDOW", 4096)
    monkeypatch.setattr("tokenaudit.windows.OVERLAP", 512)
    mint = Mint(8)
    tokens = [mint.user_token() for _ in range(40)]
    lines = [f"é{'x' * (97 * number % 700)} {token}" for number, token in enumerate(tokens)]
    (tmp_path / "long").write_text("\n".join(lines))
    found = [
        (each.detection.secret.reveal(), each.location.line, each.location.column)
        for each in audit(tmp_path, detector)[0]
    ]
    assert found == [(token, 1 + at, lines[at].index(token) + 1) for at, token in enumerate(tokens)]
