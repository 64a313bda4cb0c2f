"""The repository of the README's example, the same on every machine."""

from __future__ import annotations

from pathlib import Path

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

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
