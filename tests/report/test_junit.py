"""JUnit XML that parses, counts right and is never empty."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.secret import Secret


def suite(report: model.Report) -> ET.Element:
    root = ET.fromstring(render(report, "junit").encode())  # noqa: S314 - our own output
    found = root.find("testsuite")
    assert found is not None
    assert int(found.get("tests", "")) == len(found)
    assert int(found.get("failures", "")) == len(found.findall("testcase/failure"))
    assert int(found.get("errors", "")) == len(found.findall("testcase/error"))
    return found


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_findings_are_failures() -> None:
    cases = suite(a_leak()).findall("testcase")
    assert [case.get("classname") for case in cases] == ["token-exposed-active"] * 2 + ["ci-token-in-argv"]
    assert cases[0].get("file") == ".github/workflows/publish.yml"


def test_a_clean_run_is_one_passing_test() -> None:
    cases = suite(reports.clean()).findall("testcase")
    assert len(cases) == 1
    assert len(cases[0]) == 0


def test_places_not_read_are_errors_and_nothing_passes() -> None:
    cases = suite(reports.incomplete()).findall("testcase")
    assert [case[0].tag for case in cases] == ["error"]


@given(st.text(st.characters(), max_size=30))
def test_any_name_is_valid_xml(name: str) -> None:
    report = a_leak()
    spots = tuple(replace(spot, path=f"x{name}", author=name) for spot in report.credentials[0].locations)
    assert len(suite(replace(report, credentials=(replace(report.credentials[0], locations=spots),)))) >= 2
