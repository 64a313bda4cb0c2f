"""Windows and macOS are in the test matrix: what only POSIX has is used where it is known to be there."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.without_posix import MODULES
from tokenaudit import file_access
from tokenaudit.cli import output, streams
from tokenaudit.file_access import NotRegularError
from tokenaudit.forking import _start_helper
from tokenaudit.git import substitute
from tokenaudit.git.tempdir import scratch_folder

ROOT = Path(__file__).parents[2]


def imported(package: str) -> str:
    command = [sys.executable, "-m", "tests.support.without_posix", package]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


def test_every_module_can_be_imported_on_windows() -> None:
    assert imported("tokenaudit") == "every module can be imported"


@pytest.mark.slow
def test_every_test_module_can_be_imported_on_windows() -> None:
    assert imported("tests") == "every module can be imported"


def test_no_module_imports_what_windows_lacks_without_a_condition() -> None:
    unconditional = re.compile(rf"^(?:import|from) (?:{'|'.join(sorted(MODULES))})\b.*", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT)): unconditional.findall(path.read_text("utf-8"))
        for folder in ("tokenaudit", "plugins", "tests")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.usefixtures("windows")
def test_a_temporary_folder_is_not_renamed_and_read_only_files_go_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows neither renames a folder with an open file in it nor deletes a file that is read-only."""
    outside = tmp_path / "outside"
    outside.write_text("stays")
    outside.chmod(stat.S_IRUSR)
    remove = os.unlink

    def unlink(path: Any, *, dir_fd: int | None = None) -> None:
        status = os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        if not status.st_mode & stat.S_IWUSR:
            raise PermissionError(13, "Access is denied", path)
        remove(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    monkeypatch.setattr(Path, "rename", lambda *_: pytest.fail("renamed"))
    (tmp_path / "parent").mkdir()
    with scratch_folder("clone", tmp_path / "parent") as folder:
        (folder / "objects").mkdir()
        (folder / "objects" / "pack").write_bytes(b"x")
        (folder / "objects" / "pack").chmod(stat.S_IRUSR)
        (folder / "link").symlink_to(outside)
    assert not list((tmp_path / "parent").iterdir())
    assert stat.S_IMODE(outside.stat().st_mode) == stat.S_IRUSR


def test_a_safe_copy_holds_copies_where_links_are_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a.py": "1\n"})

    def refused(*_: object, **__: object) -> None:
        raise OSError(22, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    objects = repo.git_dir / "objects"
    for folder in ("pack", "info"):
        (tmp_path / "made" / folder).mkdir(parents=True)
    substitute._link_objects(tmp_path / "made", [objects], frozenset())
    copied = {path.relative_to(tmp_path / "made") for path in (tmp_path / "made").rglob("*") if path.is_file()}
    assert copied == {path.relative_to(objects) for path in objects.rglob("*") if path.is_file()}
    assert copied


def test_a_copy_that_is_refused_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "symlink_to", denied)
    monkeypatch.setattr(shutil, "copyfile", lambda *_: pytest.fail("copied"))
    (tmp_path / "a").touch()
    with pytest.raises(PermissionError):
        substitute._link(tmp_path / "b", tmp_path / "a")


@pytest.mark.usefixtures("windows")
def test_what_needs_posix_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError):
        _start_helper(lambda _: None)
    with pytest.raises(NotRegularError):
        next(file_access._pipe(0, tmp_path))


def test_reports_have_the_same_line_ends_on_every_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV ends its lines by itself (RFC 4180); a text stream of Windows would add a carriage return to each."""
    rows = io.StringIO()
    csv.writer(rows, lineterminator="\r\n").writerows([["a", "b"], ["c", "d\ne"]])
    monkeypatch.setattr(os, "linesep", "\r\n")
    output._write(rows.getvalue(), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b'a,b\r\nc,"d\ne"\r\n'
    raw = io.BytesIO()
    stream = streams.MaskedStream(io.TextIOWrapper(raw, encoding="cp1252", newline="\r\n"))
    stream.write("a\r\nb\n\N{GREEK SMALL LETTER ALPHA}")
    stream.flush()
    assert raw.getvalue() == b"a\r\nb\n\\u03b1"
