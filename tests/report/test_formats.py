"""What every format has in common: any report can be written, hostile names stay names, gaps are told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.map_text import map_text
from tokenaudit.report import FORMATS, render
from tokenaudit.secret import Secret

UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def bare() -> model.Report:
    """A credential without details, and a problem without a line."""
    report = a_leak()
    credential = model.Credential("0" * 32, "user_token", "hf_****abcd", "credential")
    problem = replace(report.problems[0], path=None, line=None, column=None, where=None, credential_name=None)
    return replace(report, credentials=(credential,), problems=(problem,))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), bare(), reports.breach(8, 3)])
def test_every_report_can_be_written_and_the_same_way_twice(name: str, report: model.Report) -> None:
    written = render(report, name, show_unlikely=True)
    assert written.endswith("\n")
    assert written == render(report, name, show_unlikely=True)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_what_could_not_be_read(name: str) -> None:
    assert "a shallow clone" in render(reports.incomplete(), name)


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"json", "html"}))
def test_no_format_calls_an_incomplete_run_clean(name: str) -> None:
    assert "clean" not in render(reports.incomplete(), name).lower()


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"html"}))
@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(), max_size=12))
def test_no_format_sends_on_what_can_not_be_seen(name: str, hostile: str) -> None:
    """Every text of the report is replaced by one with any characters: nothing fails and nothing unseen comes out."""
    report = map_text(a_leak(), lambda text: f"{text}{hostile}" if text not in NAMES_OF_OURS else text)
    written = render(report, name)
    written.encode()
    assert not UNSEEN.search(written)


NAMES_OF_OURS = {
    "credential", "active", "write", "over", "trusted-publisher", "needed", "high", "tokenaudit/report/1",
}  # fmt: skip
