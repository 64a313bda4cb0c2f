"""The pages that come from the code are fresh, and the site builds without a broken link."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from tokenaudit.cli.app import build
from tokenaudit.rule_index import all_rules

ROOT = Path(__file__).resolve().parents[2]


def test_pages_written_from_the_code_are_fresh() -> None:
    """If not: python docs/generate.py."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_rule_has_its_section() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    for name in all_rules():
        assert f"\n## {name}\n" in page


def _blocks(language: str) -> list[tuple[str, str]]:
    pages = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
    return [
        (page.name, block)
        for page in pages
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


def _commands() -> list[tuple[str, str]]:
    return [
        (page, line[line.index("tokenaudit ") :])
        for page, block in (*_blocks("sh"), *_blocks("yaml"))
        for line in block.splitlines()
        if re.search(r"(^|[ /])tokenaudit [a-z]", line)
    ]


@pytest.mark.parametrize(("page", "line"), _commands())
def test_every_command_in_the_pages_exists_with_its_options(page: str, line: str) -> None:
    words = shlex.split(line.replace("...", ""))[1:]
    command: Any = typer.main.get_command(build(complete=True))
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"{page}: {line}"
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= known, f"{page}: {line}"


def test_configuration_in_the_pages_is_valid_yaml() -> None:
    blocks = _blocks("yaml")
    assert len(blocks) >= 2
    for _, block in blocks:
        assert yaml.safe_load(block)


def test_the_site_builds_and_all_links_hold(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="SITE NOT BUILT: mkdocs-material is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "After a breach" in (tmp_path / "examples" / "index.html").read_text(encoding="utf-8")
    for name in ("nothing", "leak", "breach"):
        assert "Content-Security-Policy" in (tmp_path / "examples" / f"{name}.html").read_text(encoding="utf-8")
