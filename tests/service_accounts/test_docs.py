"""The page about service accounts is followed to the letter."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.service_accounts.conftest import Organization
from tokenaudit.remediate.consumers.resolve import DESTINATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "service-accounts.md").read_text()


def test_following_the_page_creates_narrows_and_rotates(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the page is run in order; only the typed confirmations are given as --yes."""
    project = org.home / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    monkeypatch.chdir(project)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    written = ""
    for program, group, command, *arguments in commands:
        assert (program, group) == ("tokenaudit", "service-accounts")
        sure = [] if command == "list" or "--dry-run" in arguments else ["--yes"]
        ran = org.command(command, *arguments, *sure)
        assert ran.code == 0, ran.err
        written += ran.out + ran.err
    assert {command for _, _, command, *_ in commands} == {"list", "create-token", "narrow", "rotate"}
    assert "service-token-no-expiry" in written
    assert (org.home / "hf-token").read_text() == org.values[0]
    assert (org.home / "hf-deploy-token").read_text() == org.values[1]
    assert org.double.world.repos["space", "acme/app"].secret_values["HF_TOKEN"] == org.values[1]
    assert not any(value in written for value in org.values)


def test_the_page_names_every_consumer_and_rule() -> None:
    for form in DESTINATIONS:
        assert f"{form.partition(':')[0]}:" in PAGE, form
    for rule in ("wide", "mints-tokens", "skips-network-rules", "unused", "no-expiry"):
        assert f"rules.md#service-token-{rule}" in PAGE
