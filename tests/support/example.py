"""The repository of the README's example, the same on every machine."""

from __future__ import annotations

import re
from pathlib import Path

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

_WORKFLOW = """\
name: publish
on:
  push:
    tags: ['v*']
env:
  HF_TOKEN: ${{ secrets.HF_TOKEN }}
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8  # v5.0.0
      - run: hf upload acme/sentiment ./model . --token "$HF_TOKEN"
"""


def readme_example(folder: Path, double: HubDouble) -> str:
    """What the README shows: a repository whose token was taken out of HEAD long ago, and works to this day."""
    mint = Mint(2024)
    value = mint.user_token()
    organization = bodies.org("acme", "admin")
    double.knows(value, bodies.classic("write", orgs=[organization]))
    repo = GitRepo(folder / "sentiment")
    repo.commit("First version", {"train.py": "from huggingface_hub import login\n", "README.md": "# Sentiment\n"})
    repo.commit(
        "Push the model after training",
        {"train.py": f'from huggingface_hub import login\n\nlogin(token="{value}")\n'},
        author="Dev Team <dev@example.org>",
    )
    repo.commit("Use the environment", {"train.py": "from huggingface_hub import login\n\nlogin()\n"})
    repo.commit("Publish from CI", {".github/workflows/publish.yml": _WORKFLOW})
    ran = tokenaudit("scan", "--inspect", "--endpoint", double.endpoint, home=folder, cwd=repo.path)
    assert ran.code == 1, ran.err
    return ran.out


def rotation_example(folder: Path, double: HubDouble) -> str:
    """What the README shows of a rotation: a classic token gives way to a fine-grained one, and is dead at the end."""
    mint = Mint(2025)
    old, new = double.knows(mint.user_token()), mint.user_token()
    scope = bodies.scope("model", ["repo.content.read"], name="alice/sentiment")
    double.knows(new, bodies.user(bodies.fine_grained(scope)))
    double.world.add_repo("alice/sentiment", visibility="private")
    (folder / ".env").write_text(f"HF_TOKEN={old}\n")
    ran = tokenaudit(
        *("rotate", fingerprint(old), "--consumer", "dotenv:.env", "--consumer", "token-store"),
        *("--grant", "repo.content.read@model:alice/sentiment", "--no-token", "--yes"),
        home=folder,
        cwd=folder,
        stdin=f"{old}\n{new}\n".encode(),
        env={"HF_ENDPOINT": double.endpoint, "HF_TOKEN_PATH": str(_token_file(folder, old)), "NO_PROXY": "*"},
    )
    assert ran.code == 0, ran.err
    shown = ran.err.replace(double.endpoint, "https://huggingface.co").replace(str(folder), "~")
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2026-11-23 09:00:00 UTC", shown)


def _token_file(folder: Path, value: str) -> Path:
    path = folder / "token"
    path.write_text(value)
    path.chmod(0o600)
    return path
