"""How many processes of git a sweep starts for a repository: each costs as much as reading a small one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.sweep.example_org import Acme


@pytest.mark.skipif(os.name != "posix", reason="git is wrapped in a shell script")
def test_a_small_repository_takes_few_processes(org: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["one", "two", "three"]
    for name in names:
        org.repository(name)
    log, wrapper = tmp_path / "log", tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    script = f'#!/bin/sh\necho "$*" >> {log}\nexec {shutil.which("git")} "$@"\n'
    wrapper.write_text(script)
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    swept = org.sweep()
    assert swept.report.skipped == ()
    assert {each.fingerprint for each in swept.report.credentials} == org.marks
    # The others are those of the simulated Hub.
    started = [line for line in log.read_text().splitlines() if line.startswith("--git-dir=") or " clone " in line]
    assert len(names) < len(started) <= 6 * len(names), log.read_text()
