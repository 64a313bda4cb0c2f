"""Sets a bomb beside something that has to be found, and checks that it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bombs.catalog import Bomb
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

_WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo ${{ secrets.HF_TOKEN }}\n"


def planted(folder: Path, bomb: Bomb, unit: int) -> GitRepo:
    """A repository with `bomb`, a leak in its history, one in its files, and a workflow that prints a token."""
    repo = GitRepo(folder / "repo")
    repo.commit("leak", {"leak.txt": f"key = {Mint(20).user_token()}\n"})
    repo.commit("fix", {"leak.txt": "gone\n", ".github/workflows/print.yml": _WORKFLOW})
    repo.write("tree.txt", f"key = {Mint(21).user_token()}\n")
    bomb.make(repo, unit)
    return repo


def problems_with(bomb: Bomb, report: dict[str, Any], *, reduced: bool) -> list[str]:
    """What `report` lacks: the finding beside the bomb, or a word on the bomb."""
    problems = []
    if bomb.part == "ci":
        found = any(each["rule"] == "ci-token-printed" for each in report["problems"])
    else:
        name = "leak.txt" if bomb.part == "history" else "tree.txt"
        places = [place for credential in report["credentials"] for place in credential["locations"]]
        found = any(place["path"] == name for place in places)
    if bomb.beside and not found:
        problems.append("the finding beside it is missing")
    reasons = [each["reason"] for each in report["skipped"]]
    if any("internal error" in reason for reason in reasons):
        problems.append(f"it fails: {reasons}")
    expects = bomb.skipped is not None and (bomb.reduced or not reduced)
    if expects and not any(str(bomb.skipped) in reason for reason in reasons):
        problems.append(f"no reason says {bomb.skipped!r}: {reasons}")
    if report["complete"] == bool(report["skipped"]):
        problems.append("complete does not agree with skipped")
    return problems
