"""The README says what is so. `UPDATE_DOCS=1` writes the example anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.hub.double import HubDouble, hub_double
from tests.support.cli import tokenaudit
from tests.support.example import readme_example, rotation_example
from tokenaudit.cli.app import COMMANDS

__all__ = ["hub_double"]

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n<!-- /{name} -->", README.read_text("utf-8"), re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found[1]


def test_the_example_is_what_the_command_prints(tmp_path: Path, hub_double: HubDouble) -> None:
    assert shown("example", readme_example(tmp_path, hub_double)) == block("example")


def test_the_rotation_is_what_the_command_prints(tmp_path: Path, hub_double: HubDouble) -> None:
    assert shown("rotation", rotation_example(tmp_path, hub_double)) == block("rotation")


def shown(name: str, printed: str) -> str:
    if os.environ.get("UPDATE_DOCS"):
        old, new = f"<!-- {name} -->\n```text\n{block(name)}```", f"<!-- {name} -->\n```text\n{printed}```"
        README.write_text(README.read_text("utf-8").replace(old, new), "utf-8")
    return printed


def test_the_audit_command_scans_this_very_repository() -> None:
    assert block("audit-command").strip().endswith("tokenaudit scan .")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme_and_in_the_help(command: str, tmp_path: Path) -> None:
    assert f"`tokenaudit {command}" in README.read_text("utf-8")
    assert f"\n  {command} " in tokenaudit("--help", home=tmp_path).out


def test_every_exit_code_stands_in_the_readme() -> None:
    assert re.findall(r"^\| (\d+) \|", README.read_text("utf-8"), re.MULTILINE) == ["0", "1", "2", "3", "130"]


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
