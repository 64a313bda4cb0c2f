"""Zizmor's findings, for the jobs that hold a credential only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.toy import ToyExaminer
from tokenaudit.ci.audit import folded_in, program
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.local.ci_config import CiSource

_PATH = ".github/workflows/a.yml"
_WORKFLOW = b"""\
on: push
permissions: {}
jobs:
  holds:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.event.head_commit.message }}
        env:
          HF_TOKEN: ${{ secrets.HF_TOKEN }}
  without:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.event.head_commit.message }}
"""

needs_zizmor = pytest.mark.skipif(program() is None, reason="zizmor is not installed")


@needs_zizmor
def test_only_jobs_with_a_credential_count_and_lines_start_at_one(tmp_path: Path) -> None:
    (tmp_path / _PATH).parent.mkdir(parents=True)
    (tmp_path / _PATH).write_bytes(_WORKFLOW)
    found = list(CiSource(tmp_path, "repo", zizmor=True).findings(ScanContext(ToyExaminer())))
    injections = [one for one in found if isinstance(one, Problem) and one.rule == "zizmor/template-injection"]
    assert [(one.line, one.credential_name) for one in injections] == [(7, "HF_TOKEN")]


@needs_zizmor
def test_without_a_credential_it_is_not_even_run() -> None:
    assert not list(folded_in(_PATH, _WORKFLOW.replace(b"HF_TOKEN", b"OTHER"), "repo", zizmor="/nowhere/zizmor"))


def test_a_program_that_fails_is_said() -> None:
    (found,) = folded_in(_PATH, _WORKFLOW, "repo", zizmor="/nowhere/zizmor")
    assert isinstance(found, Skipped)
    assert "zizmor" in found.reason
