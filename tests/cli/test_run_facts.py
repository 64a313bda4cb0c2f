"""What a report says of its run: command, HEAD, web page and name of each target."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import inprocess
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.cli.output import width


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    made = GitRepo(tmp_path / "webshop")
    made.commit("add", {"a.py": f"t = '{Mint(5).user_token()}'\n"})
    monkeypatch.chdir(made.path)
    return made


def report_of(*arguments: str) -> Any:
    return json.loads(inprocess.run("scan", "-f", "json", "-q", "--no-config", *arguments).out)


def git_target(report: Any) -> Any:
    return next(target for target in report["targets"] if target["kind"] == "git")


def test_a_repository_is_named_with_its_commit_and_its_page(repo: GitRepo) -> None:
    repo.git("remote", "add", "upstream", "https://example.org/other.git")
    repo.git("remote", "add", "origin", "git@github.com:acme/webshop.git")
    target = git_target(report_of())
    assert target["head"] == repo.git("rev-parse", "HEAD")
    assert target["web_page"] == "https://github.com/acme/webshop"
    assert target["name"] == "webshop"
    page = inprocess.run("scan", "-f", "html", "-q").out
    assert f"https://github.com/acme/webshop/blob/{target['head']}/a.py#L1" in page
    assert "<title>github.com/acme/webshop: " in page


def test_changes_since_a_commit_are_of_the_same_repository(repo: GitRepo) -> None:
    repo.git("remote", "add", "origin", "https://gitlab.com/acme/group/app.git")
    base = repo.git("rev-parse", "HEAD")
    repo.commit("more", {"b.py": f"t = '{Mint(6).user_token()}'\n"})
    target = git_target(report_of("--since", base))
    assert (target["head"], target["web_page"]) == (repo.git("rev-parse", "HEAD"), "https://gitlab.com/acme/group/app")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://evil.example/acme/webshop", "ext::touch owned", "/srv/git/x.git", ""]
)
def test_a_remote_that_is_configured_to_mislead_is_no_page(repo: GitRepo, address: str) -> None:
    repo.git("config", "remote.origin.url", address)
    repo.git("config", "url.https://github.com/acme/.insteadOf", address or "x")
    report = report_of()
    assert git_target(report)["web_page"] is None
    assert not (repo.path / "owned").exists()
    assert "evil.example" not in json.dumps(report["targets"])


def test_a_repository_without_commits_or_remotes_has_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GitRepo(tmp_path / "empty").path)
    target = git_target(report_of())
    assert (target["head"], target["web_page"], target["name"]) == (None, None, "empty")


def test_the_command_is_in_the_report_without_credentials_and_passwords(repo: GitRepo) -> None:
    report = report_of("--only", "history", ".")
    assert report["command"] == "tokenaudit scan -f json -q --no-config --only history ."
    assert report["endpoint"] is None
    token = Mint(7).user_token()
    folder = repo.path / f"x {token}"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    shown = report_of(folder.name)["command"]
    assert token not in shown
    assert "hf_****" in shown


def test_a_terminal_without_a_size_is_taken_as_80_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
    assert width(None) == 80
