"""CSV that reads back row for row and that no spreadsheet executes."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.report.csv import COLUMNS
from tokenaudit.secret import Secret


def rows(report: model.Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(report, "csv"), newline="")))


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_one_row_for_each_place_and_problem() -> None:
    found = rows(a_leak())
    assert tuple(found[0]) == COLUMNS
    assert [row["severity"] for row in found] == ["critical", "critical", "high"]
    assert found[0]["path"] == ".github/workflows/publish.yml"
    assert found[0]["line"] == "14"
    assert found[0]["still_there"] == "yes"
    assert found[1]["author"] == ""
    assert found[2]["rule"] == "ci-token-in-argv"


def test_places_not_read_are_rows_too() -> None:
    assert [row["severity"] for row in rows(reports.incomplete())] == ["not-read"]


@given(st.text(st.characters(), max_size=20), st.sampled_from(["=", "+", "-", "@", "\t=", "\r=", " =", "\uff1d"]))
def test_no_cell_is_a_formula(name: str, start: str) -> None:
    report = a_leak()
    path = f"{start}{name}"
    spots = tuple(replace(spot, path=path, author=path) for spot in report.credentials[0].locations)
    problem = replace(report.problems[0], message=path, remedy=path, rule=path)
    hostile = replace(report, credentials=(replace(report.credentials[0], locations=spots),), problems=(problem,))
    found = rows(hostile)
    assert len(found) >= 2
    for row in found:
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
            assert "\n" not in cell
