"""docs/pull-request.md is a recording: this test makes the pull request. `UPDATE_DOCS=1` writes the page anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

PAGE = Path(__file__).parent.parent.parent / "docs" / "pull-request.md"
WORKFLOW = """\
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    environment: release
    steps:
      - run: hf upload acme/sentiment ./model . --token ${{ secrets.HF_TOKEN }}
"""


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found, f"{PAGE.name} has no block {name}"
    return found[1]


def shown(name: str, printed: str) -> str:
    if os.environ.get("UPDATE_DOCS"):
        old = re.search(rf"<!-- {name} -->\n```\w+\n", PAGE.read_text("utf-8"))
        assert old
        PAGE.write_text(PAGE.read_text("utf-8").replace(old[0] + block(name), old[0] + printed), "utf-8")
    return printed


def test_the_walk_through_is_what_happens(tmp_path: Path) -> None:
    value = Mint(909).user_token()
    repo = GitRepo(tmp_path / "sentiment")
    repo.commit("First version", {"train.py": "print('training')\n"})
    repo.switch("fine-tune", "main")
    repo.commit("Fine-tune", {"train.py": f'from huggingface_hub import login\n\nlogin("{value}")\n'})
    repo.commit("Publish", {".github/workflows/publish.yml": WORKFLOW})

    def check(report_format: str, code: int) -> str:
        ran = tokenaudit("scan", "--since", "main", "-f", report_format, home=tmp_path, cwd=repo.path)
        assert ran.code == code, ran.err
        assert value not in ran.out
        return ran.out

    assert shown("first", check("github", 1)) == block("first")
    # Taking the line out in a further commit does not take the value out of what is going to be merged.
    fixed = WORKFLOW.replace(
        " --token ${{ secrets.HF_TOKEN }}", "\n        env:\n          HF_TOKEN: ${{ secrets.HF_TOKEN }}"
    )
    safe = {"train.py": "from huggingface_hub import login\n\nlogin()\n", ".github/workflows/publish.yml": fixed}
    repo.commit("Take it out", safe)
    assert shown("second", check("text", 1)) == block("second")
    repo.git("reset", "-q", "--soft", "main")
    repo.commit("Fine-tune and publish", safe)
    last = tokenaudit("scan", "--since", "main", "-f", "text", home=tmp_path, cwd=repo.path)
    assert last.code == 0
    assert shown("third", last.out) == block("third")
