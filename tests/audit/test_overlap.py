"""Targets that overlap: a place in two of them is one place, in the policy and in every format."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import scan
from tokenaudit.report import render
from tokenaudit.report.json import load

VALUE = Mint(91).user_token()
WORKFLOW = """on: push
env:
  HF_TOKEN: ${{ secrets.HF_TOKEN }}
jobs:
  a:
    runs-on: x
    steps:
      - run: hf upload a
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "work"
    (made / "src" / "deep").mkdir(parents=True)
    (made / "src" / "deep" / "a.py").write_text(f"t = '{VALUE}'\n")
    monkeypatch.chdir(made)
    return made


OVERLAPS = [
    (".", "src"), ("src", "."), (".", "src/deep/a.py"), ("src", "src/deep", "src/deep/a.py"), ("{work}", "src"),
    ("../work", "."), (".", "./src/../src"), ("src/", "src/deep/"),
]  # fmt: skip


@pytest.mark.parametrize("is_repository", [False, True])
@pytest.mark.parametrize("targets", OVERLAPS)
def test_a_place_in_two_targets_counts_once(folder: Path, targets: tuple[str, ...], is_repository: bool) -> None:
    if is_repository:
        repo = GitRepo(folder)
        repo.git("add", "-A")
        repo.git("commit", "-qm", "x")
    found = scan([each.format(work=folder) for each in targets]).report
    (credential,) = found.credentials
    assert credential.verdict is not None
    said = " ".join(reason.message for reason in credential.verdict.reasons)
    assert "found in 1 place" in said
    assert "the same value is in" not in said
    (result,) = json.loads(render(found, "sarif"))["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == ("src/deep/a.py" if is_repository or "." in targets or "{work}" in targets else "deep/a.py")


def test_a_repository_beside_the_folder_it_is_in_keeps_its_own_paths(folder: Path) -> None:
    repo = GitRepo(folder / "src")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "x")
    for targets in ((".", "src"), ("src", ".")):
        (credential,) = scan(targets).report.credentials
        assert {(each.source, each.target, each.path) for each in credential.locations} == {
            ("tree", "src", "deep/a.py"),
            ("history", "src", "deep/a.py"),
        }


def test_a_problem_in_two_targets_is_one(folder: Path) -> None:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "a.yml").write_text(WORKFLOW)
    alone = scan(["."]).report.problems
    assert alone
    assert len(scan([".", ".github/workflows/a.yml"]).report.problems) == len(alone)


def test_files_of_the_same_name_and_value_in_two_targets_are_two(folder: Path) -> None:
    (folder / "tests" / "deep").mkdir(parents=True)
    (folder / "tests" / "deep" / "a.py").write_text(f"t = '{VALUE}'\n")
    (credential,) = scan(["src", "tests"]).report.credentials
    assert len(credential.locations) == 2


@pytest.mark.skipif(os.name != "posix", reason="names are text on Windows")
def test_names_that_are_no_utf8_survive_a_json_report(folder: Path) -> None:
    """What is made of the JSON report is what is made of the audit itself, whichever bytes the names have."""
    for name in (b"bad\xff.py", b"\xe9t\xe9 #%?.py", "\u00e9.py".encode(), b"\x80/x y.py"):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"\t'{VALUE}'\n")
    found = scan(["."]).report
    again = load(render(found, "json"))
    for form in ("sarif", "gitlab", "csv", "junit", "github", "json"):
        assert render(again, form) == render(found, form), form
    results = json.loads(render(again, "sarif"))["runs"][0]["results"]
    uris = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results}
    assert uris == {"bad%FF.py", "%E9t%E9%20%23%25%3F.py", "%C3%A9.py", "%80/x%20y.py", "src/deep/a.py"}
