"""The page about the use of tokens is followed to the letter."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import pytest

from tests.audit_log.logs import encoded
from tests.audit_log.test_command import LEAKED, STORY, Admin, admin, hub_double
from tests.support.gitrepo import GitRepo
from tests.support.inprocess import run
from tokenaudit.report.usage.phrasing import FLAGS

__all__ = ["admin", "hub_double"]

PAGE = (Path(__file__).parents[2] / "docs" / "usage.md").read_text("utf-8")


def test_every_command_of_the_page_works(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    GitRepo(admin.home / "project").commit("start", {"app.py": f"login('{LEAKED.reveal()}')\n"})
    monkeypatch.chdir(admin.home / "project")
    Path("audit-log.json").write_bytes(encoded(STORY[:2]))
    Path("audit-log-older.json.gz").write_bytes(gzip.compress(encoded(STORY[1:])))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(commands) >= 5
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "tokenaudit"
        ran = run(*arguments)
        assert ran.code == 0, (line, ran.err)
    assert Path("report.json").exists()


def test_the_page_names_every_flag() -> None:
    assert {name for name in FLAGS if f"| `{name}` |" in PAGE} == set(FLAGS)
