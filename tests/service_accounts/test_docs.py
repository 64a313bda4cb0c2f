"""The page about service accounts is followed to the letter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.service_accounts.conftest import Organization
from tests.support.cli import environment
from tokenaudit.remediate.consumers.resolve import DESTINATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "service-accounts.md").read_text()


def test_following_the_page_creates_narrows_and_rotates(org: Organization) -> None:
    """Every command of the page is run in order; only the typed confirmations are given as --yes."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = "set -eu\n" + "\n".join(blocks)
    script = re.sub(r"(service-accounts (?:create-token|rotate)) (?!.*--dry-run)", r"\1 --yes ", script)
    project = org.home / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    variables = environment(org.home, org.environment)
    variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "service-token-no-expiry" in done.stdout
    assert (org.home / "hf-token").read_text() == org.values[0]
    assert (org.home / "hf-deploy-token").read_text() == org.values[1]
    assert org.double.world.repos["space", "acme/app"].secret_values["HF_TOKEN"] == org.values[1]
    assert not any(value in done.stdout + done.stderr for value in org.values)


def test_the_page_names_every_consumer_and_rule() -> None:
    for form in DESTINATIONS:
        assert f"{form.partition(':')[0]}:" in PAGE, form
    for rule in ("wide", "mints-tokens", "skips-network-rules", "unused", "no-expiry"):
        assert f"rules.md#service-token-{rule}" in PAGE
