"""How many processes of git a scan starts: each costs more than reading a small repository."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint


@pytest.mark.skipif(os.name != "posix", reason="git is wrapped in a shell script")
def test_a_small_repository_takes_no_process_unless_it_is_unusual(tmp_path: Path) -> None:
    log = tmp_path / "log"
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    env = {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
    repo = GitRepo(tmp_path / "repo")
    for number in range(20):
        repo.commit("change", {f"{number % 3}.py": f"x = {number}\n"})
    assert tokenaudit("scan", repo.path, home=tmp_path, env=env).code == 0
    repo.commit("leak", {"a.py": f'token = "{Mint(1).user_token()}"\n'})
    assert tokenaudit("scan", repo.path, home=tmp_path, env=env).code == 1
    repo.git("remote", "add", "origin", "https://huggingface.co/acme/model")
    repo.git("gc", "-q")
    assert tokenaudit("scan", repo.path, home=tmp_path, env=env).code == 1
    assert not log.exists(), log.read_text()
    repo.git("update-index", "--index-version", "4")
    assert tokenaudit("scan", repo.path, home=tmp_path, env=env).code == 1
    assert len(log.read_text().splitlines()) == 1, log.read_text()
    log.unlink()
    repo.git("config", "core.editor", "vi")
    assert tokenaudit("scan", repo.path, home=tmp_path, env=env).code == 1
    assert len(log.read_text().splitlines()) <= 4, log.read_text()
