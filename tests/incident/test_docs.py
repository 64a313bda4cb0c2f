"""The page on incidents is followed word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.incident.breach import Breach
from tokenaudit.policy.config import load_settings
from tokenaudit.report.incident import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "breach.md").read_text("utf-8")
BLOCK = re.compile(r"```console\n(?P<lines>.*?)```\n<!-- exit code: (?P<code>\d) -->", re.DOTALL)


def test_every_command_of_the_page_does_what_the_page_says(story: Breach) -> None:
    story.cwd = story.folder / "project"
    story.cwd.mkdir()
    (story.cwd / "app.py").write_text(f"login('{story.old}')\n")
    # The story's Space has no git repository behind it, so its code can't be read, which the sweep would say.
    story.hosts_the_space()
    blocks = [(found["lines"], int(found["code"])) for found in BLOCK.finditer(PAGE)]
    assert len(blocks) == PAGE.count("```console")
    for lines, code in blocks:
        for line in lines.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "tokenaudit"
            ran = story.run(*arguments)
            assert ran.code == code, (line, ran.out, ran.err)
    assert (story.cwd / "view.json").is_file()
    assert "# Incident" in (story.cwd / "view.md").read_text()


def test_the_settings_of_the_page_are_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "tokenaudit.toml").write_text(example)
    (incident,) = load_settings(tmp_path).incidents
    assert incident.began is not None
    assert incident.since == incident.began


def test_every_format_is_on_the_page() -> None:
    for name in FORMATS:
        assert f"`{name}`" in PAGE
