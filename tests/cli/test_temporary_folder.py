"""Without a folder for temporary files the report is still written, and says what was not read for that."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.git import substitute
from tokenaudit.model import Report

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")


def missing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))


def none_at_all(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(folder / "gone")])


def failing(code: int) -> Callable[[pytest.MonkeyPatch, Path], None]:
    def make(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
        def mkdtemp(*_arguments: object, **_options: object) -> str:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)

    return make


@pytest.fixture(params=[missing, none_at_all, failing(errno.EACCES), failing(errno.ENOSPC), failing(errno.EROFS)])
def without_room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    substitute._exit_stack.close()
    request.param(monkeypatch, tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("leak", {"leak.txt": f"key = {Mint(60).user_token()}\n"})
    return made


def audited(*targets: str | Path) -> Report:
    report = scan(targets, auditor=Auditor(jobs=1)).report
    assert not any("internal error" in each.reason for each in report.skipped), report.skipped
    return report


@pytest.mark.usefixtures("without_room")
def test_an_ordinary_audit_needs_none(repo: GitRepo) -> None:
    report = audited(repo.path)
    assert report.complete
    assert report.credentials


@pytest.mark.usefixtures("without_room")
def test_a_clone_is_skipped_and_the_rest_is_audited(repo: GitRepo, tmp_path: Path) -> None:
    url = f"file://{repo.path}"
    (tmp_path / "a.txt").write_text(Mint(61).user_token())
    report = audited(url, tmp_path / "a.txt")
    assert len(report.credentials) == 1
    assert [each.where for each in report.skipped] == [url]
    assert "temporary" in report.skipped[0].reason


@pytest.mark.usefixtures("without_room")
def test_a_repository_that_needs_a_safe_copy_is_skipped_and_its_files_are_audited(repo: GitRepo) -> None:
    os.mkfifo(repo.git_dir / "packed-refs")
    report = audited(repo.path)
    assert report.credentials
    assert not report.complete
    assert any("a copy without it" in each.reason for each in report.skipped), report.skipped
