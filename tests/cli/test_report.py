"""`tokenaudit report` and the ends that `scan` shares with it: formats, baselines, the job's summary page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import reports
from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.report import FORMATS, render
from tokenaudit.secret import Secret


@pytest.fixture
def mint() -> Mint:
    return Mint(33)


@pytest.fixture
def earlier(tmp_path: Path, mint: Mint) -> Path:
    path = tmp_path / "earlier.json"
    path.write_text(render(reports.leaked(Secret(mint.user_token())), "json"))
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_an_earlier_report_in_every_format(name: str, earlier: Path, tmp_path: Path) -> None:
    ran = tokenaudit("report", earlier, "-f", name, home=tmp_path, env={"GITHUB_STEP_SUMMARY": ""})
    assert (ran.code, ran.err) == (0, "")
    assert "publish.yml" in ran.out


def test_in_github_actions_the_summary_page_is_filled(earlier: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    ran = tokenaudit("report", earlier, "-f", "github", home=tmp_path, env={"GITHUB_STEP_SUMMARY": str(page)})
    assert ran.out.startswith("::error ")
    assert "publish.yml" in page.read_text()


def test_the_exit_code_on_request(earlier: Path, tmp_path: Path) -> None:
    assert tokenaudit("report", earlier, "--fail-on", "high", home=tmp_path).code == 1


def test_an_incomplete_report_without_findings_exits_3(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(render(reports.incomplete(), "json"))
    assert tokenaudit("report", path, home=tmp_path).code == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not valid JSON"), ("{}", "not a tokenaudit report"), ('{"schema": "tokenaudit/report/9"}', "newer")],
)
def test_what_is_no_report_is_one_line_and_exit_2(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    ran = tokenaudit("report", path, home=tmp_path)
    assert ran.code == 2
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ran = tokenaudit("report", tmp_path / "none.json", home=tmp_path)
    assert ran.code == 2
    assert "can't be read" in ran.err


def test_a_baseline_is_written_then_honoured(tmp_path: Path, mint: Mint) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit("first", {"a.py": f"token = '{mint.user_token()}'\n"})
    known = tmp_path / "known.json"
    first = tokenaudit("scan", repo.path, "--baseline", known, "--update-baseline", "-f", "json", home=tmp_path)
    assert first.code == 0
    assert first.report["summary"]["known"] == 1
    assert json.loads(known.read_text())["version"] == "1.5.0"
    assert tokenaudit("scan", repo.path, "--baseline", known, home=tmp_path).code == 0
    repo.commit("second", {"b.py": f"token = '{mint.user_token()}'\n"})
    again = tokenaudit("scan", repo.path, "--baseline", known, "-f", "json", home=tmp_path)
    assert again.code == 1
    assert {place["path"] for place in again.report["credentials"][0]["locations"]} == {"b.py"}


def test_updating_needs_a_file(tmp_path: Path) -> None:
    ran = tokenaudit("scan", tmp_path, "--update-baseline", home=tmp_path)
    assert ran.code == 2
    assert "--baseline FILE" in ran.err


def test_a_missing_baseline_is_one_line(tmp_path: Path) -> None:
    ran = tokenaudit("scan", tmp_path, "--baseline", tmp_path / "none", home=tmp_path)
    assert ran.code == 2
    assert "--update-baseline" in ran.err
