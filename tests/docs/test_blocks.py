"""Every block of commands in the documentation is typed at a terminal by a test: here, or by one that names its page.

A block must exit 0, or with the code in the comment behind it: `<!-- exit code: 1 -->`. All blocks of a page are one
session, so that a variable or a folder of one block is there in the next.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.terminal import ROOT, Answer, blocks, script, typed
from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.typed_command import typed_command
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]

WORKFLOW = """\
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - run: hf upload acme/sentiment ./model .
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
"""
(INSTALL,) = [block.text.strip() for block in blocks("start.md") if block.text.startswith("python3 -m venv")]
INSTALLS = re.compile(r"pipx install |pip install ")
"""Blocks that the gate runs in a fresh environment (`.ci/run`), or that need the published package."""


class Desk:
    """A user's home and a clone with one leaked token, whose remote is a bare repository."""

    def __init__(self, folder: Path, double: HubDouble) -> None:
        mint = Mint(4711)
        self.home = folder
        self.token = mint.user_token()
        self.own = double.knows(mint.user_token())
        double.knows(self.token, bodies.user(bodies.access_token("write", created="2026-03-01T08:00:00.000Z")))
        self.repo = GitRepo(folder / "path" / "to" / "repository")
        self.repo.commit("First version", {"train.py": "print('training')\n"})
        self.remote = GitRepo(folder / "remote.git", bare=True)
        self.repo.git("remote", "add", "origin", str(self.remote.path))
        self.repo.git("push", "-q", "--set-upstream", "origin", "main")
        self.repo.git("config", "user.name", "A User")
        self.repo.git("config", "user.email", "user@example.org")
        self.repo.commit("Train", {"train.py": f'login("{self.token}")\n', ".github/workflows/publish.yml": WORKFLOW})
        binaries = folder / ".venv" / "bin"
        binaries.mkdir(parents=True)
        (binaries / "detect-secrets").symlink_to(Path(sys.executable).parent / "detect-secrets")
        self.binaries = binaries
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "PATH": f"{binaries}:{Path(sys.executable).parent}:{kept['PATH']}",
            "HF_ENDPOINT": double.endpoint,
            "HF_TOKEN": self.own,
            "NO_PROXY": "*",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
        }

    def types(self, page: str, cwd: Path | None = None, *answers: Answer) -> str:
        """Types the blocks of `page` except those that install; what the terminal showed."""
        found = [block for block in blocks(page) if not INSTALLS.search(block.text)]
        assert found, page
        with typed_command(self.binaries):
            code, shown = typed(script(found), cwd=cwd or self.repo.path, env=self.environment, answers=answers)
        assert code == 0, f"{page}: {shown}"
        assert self.token not in shown
        return shown


@pytest.fixture
def desk(tmp_path: Path, hub_double: HubDouble) -> Desk:
    return Desk(tmp_path / "home", hub_double)


def test_the_first_ten_minutes(desk: Desk) -> None:
    """From the first scan to an accepted finding and a check that passes, with the files that the page gives."""
    page = (ROOT / "docs" / "start.md").read_text("utf-8")
    (policy,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (workflow,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (desk.repo.path / "tokenaudit.toml").write_text(policy.replace("fd45890e6fb1", fingerprint(desk.token)[:12]))
    (desk.repo.path / ".github" / "workflows" / "tokenaudit.yml").write_text(workflow)
    shown = desk.types("start.md", desk.home)
    assert fingerprint(desk.token)[:12] in shown
    assert "Revoked, the history is not rewritten" in shown
    assert "<title>" in (desk.repo.path / "report.html").read_text()
    assert "hf_****" in (desk.repo.path / "runbook.md").read_text()


def test_the_check_in_ci(desk: Desk) -> None:
    desk.types("ci.md")
    (patch,) = (desk.repo.path / "patches").iterdir()
    desk.repo.git("apply", "--check", str(patch))
    assert '"ruleId"' in (desk.repo.path / "tokenaudit.sarif").read_text()


def test_the_machine(desk: Desk) -> None:
    for name in ("work", "jobs"):
        (desk.home / name).mkdir()
    (desk.home / "work" / ".env").write_text(f"HF_TOKEN={desk.token}\n")
    shown = desk.types("machine.md")
    assert "active" in shown


@pytest.mark.parametrize("page", ["index.md", "configuration.md", "formats.md"])
def test_a_clean_repository(desk: Desk, page: str) -> None:
    clean = GitRepo(desk.home / "clean")
    clean.commit("First", {"a.py": "print()\n"})
    assert "Clean" in desk.types(page, clean.path)


def test_the_inspection(desk: Desk) -> None:
    (desk.repo.path / "tokens.txt").write_text(f"{desk.token}\n")
    store = desk.home / ".cache" / "huggingface"
    store.mkdir(parents=True)
    (store / "token").write_text(desk.own)
    shown = desk.types("inspect.md")
    assert '"status": "active"' in shown


def test_a_pull_request(desk: Desk) -> None:
    assert "::error" in desk.types("pull-request.md")


def test_with_detect_secrets(desk: Desk) -> None:
    (desk.repo.path / "plugins").mkdir()
    (desk.repo.path / "plugins" / "huggingface.py").write_bytes((ROOT / "plugins" / "huggingface.py").read_bytes())
    asked = Answer(r"Should this string be committed to the repository\?", "n")
    desk.types("detect-secrets.md", None, asked, asked)


ELSEWHERE = {
    "breach.md": "remediate/test_docs.py",
    "changes.md": "docs/test_changes_page.py",
    "cli.md": "docs/test_cli_page.py",
    "rotate.md": "docs/test_rotate_page.py",
    "service-accounts.md": "service_accounts/test_docs.py",
    "sweep.md": "sweep/test_docs.py",
    "usage.md": "audit_log/test_docs.py",
}
"""The tests of the pages whose blocks are not typed by a test of this file."""

NOT_TYPED = {
    "pipx install git+https://github.com/tokenaudit/tokenaudit@v0.1.0": "needs the published repository and an index",
    "uvx --from git+https://github.com/tokenaudit/tokenaudit@v0.1.0 tokenaudit scan .": "as above",
    "hf extensions install tokenaudit/hf-tokenaudit": "as above; tests/test_ecosystem.py runs the extension",
    "docker build --file Containerfile --tag tokenaudit .": "needs a builder and a registry",
    'docker run --rm -v "$PWD:/scan:ro" tokenaudit scan /scan': "as above",
}
"""Commands to install that no test types, with the reason."""


def test_every_block_of_every_page_is_typed_by_a_test() -> None:
    here = Path(__file__).read_text("utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        if not blocks(page.name):
            continue
        text = (ROOT / "tests" / ELSEWHERE[page.name]).read_text("utf-8") if page.name in ELSEWHERE else here
        assert f'"{page.name}"' in text.partition("ELSEWHERE = ")[0], f"no test types the commands of {page.name}"


def test_every_command_that_installs_is_typed_or_named() -> None:
    """The audit command and the block of Getting started are typed by tests/docs/test_install.py."""
    typed_ones = {block.text.strip() for page in ("start.md", "index.md") for block in blocks(page)}
    readme = (ROOT / "README.md").read_text("utf-8")
    found = {text for text in typed_ones if INSTALLS.search(text)}
    (table,) = re.findall(r"\| with \| command \|\n(.*?)\n\n", readme, re.DOTALL)
    found |= {command for row in table.splitlines() for command in row.rsplit(" | ", 1)[1].split("`")[1::2]}
    assert found - {INSTALL} - {"hf tokenaudit scan ."} == set(NOT_TYPED)


def test_installation_blocks_are_those_of_the_gate() -> None:
    installs = {
        block.text for page in ("start.md", "index.md") for block in blocks(page) if INSTALLS.search(block.text)
    }
    readme = (ROOT / "README.md").read_text("utf-8")
    gate = subprocess.run(["git", "ls-files", ".ci/run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert gate.strip() == ".ci/run"
    for text in installs:
        assert text.strip() in readme
