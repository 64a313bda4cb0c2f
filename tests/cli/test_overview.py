"""The overview names every command as the command's own help does, and loads none of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from tokenaudit.cli.app import COMMANDS, build


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_has_the_first_sentence_of_the_command(name: str) -> None:
    overview = typer.main.get_command(build())
    command = typer.main.get_command(build(name))
    assert (command.commands[name].help or "").partition("\n")[0] == overview.commands[name].help  # type: ignore[attr-defined]


def test_the_overview_loads_no_command() -> None:
    code = "import sys; from tokenaudit.cli.app import build; build(); print([n for n in sys.modules if '.audit' in n])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
