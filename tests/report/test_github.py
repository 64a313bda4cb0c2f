"""Annotations: nothing in a name can end one or start another; the rest is counted; the summary page is appended."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.errors import ConfigurationError
from tokenaudit.report import render
from tokenaudit.report.github import write_summary
from tokenaudit.secret import Secret

COMMAND = re.compile(r"::(error|warning|notice) ((?:[A-Za-z]+=[^,:\r\n]*)(?:,[A-Za-z]+=[^,:\r\n]*)*)::([^\r\n]*)")


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_a_finding_in_a_file_points_at_its_line() -> None:
    first = render(a_leak(), "github").splitlines()[0]
    assert first.startswith("::error file=.github/workflows/publish.yml,line=14,col=19,title=critical%3A ")


def test_what_is_only_in_history_points_at_no_file() -> None:
    """The file may be another one now; the message names place and commit instead."""
    second = render(a_leak(), "github").splitlines()[1]
    assert "file=" not in second
    assert "scripts/old.sh:3" in second
    assert "4f1c2a9d0b7e" in second


def test_at_most_ten_of_a_kind_and_the_rest_is_counted() -> None:
    lines = render(reports.breach(60, 2), "github").splitlines()
    kinds = [line.split(" ", 1)[0] for line in lines]
    assert all(kinds.count(kind) <= 10 for kind in set(kinds))
    assert re.search(r"\d+ more findings not shown", lines[-1])


def test_a_clean_run_is_one_notice() -> None:
    assert render(reports.clean(), "github").startswith("::notice title=tokenaudit::Clean")


@given(st.text(st.characters(), max_size=40))
def test_a_name_never_ends_a_command_or_starts_one(name: str) -> None:
    report = a_leak()
    spots = tuple(replace(spot, path=f"{name}::error::", author=name) for spot in report.credentials[0].locations)
    problem = replace(report.problems[0], message=f"{name}\n::add-mask::x", where=name)
    written = render(
        replace(report, credentials=(replace(report.credentials[0], locations=spots),), problems=(problem,)), "github"
    )
    lines = written.split("\n")[:-1]
    assert len(lines) == len(render(report, "github").split("\n")[:-1])
    assert all(COMMAND.fullmatch(line) for line in lines)


def test_the_summary_page_is_appended_to(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    assert write_summary(a_leak(), {"GITHUB_STEP_SUMMARY": str(page)}) == page
    text = page.read_text()
    assert text.startswith("before\n## Hugging Face credentials")
    assert a_leak().credentials[0].fingerprint in text


def test_the_summary_page_stays_under_its_limit(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    write_summary(reports.breach(2500, 10), {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.stat().st_size < 1024 * 1024
    assert "more findings" in page.read_text()


def test_outside_of_actions_nothing_is_written() -> None:
    assert write_summary(a_leak(), {}) is None


def test_a_summary_that_can_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GITHUB_STEP_SUMMARY"):
        write_summary(a_leak(), {"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "such")})
