"""GitLab's report: the fields its schema asks for, stable ids, and no extract of a line."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.secret import Secret

TEXT = {"type": "string", "minLength": 1}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
PROGRAM = {
    "type": "object",
    "required": ["id", "name", "version", "vendor"],
    "properties": {"id": TEXT, "name": TEXT, "version": TEXT, "vendor": {"required": ["name"]}},
}
# What version 15.0.7 of GitLab's schema demands of a secret-detection report, in short: a report that breaks one of
# these is refused whole by an instance.
DEMANDS = {
    "type": "object",
    "required": ["version", "scan", "vulnerabilities"],
    "properties": {
        "version": {"const": "15.0.7"},
        "schema": {"type": "string", "pattern": "^https?://.+"},
        "scan": {
            "required": ["analyzer", "scanner", "type", "start_time", "end_time", "status"],
            "properties": {
                "analyzer": PROGRAM,
                "scanner": PROGRAM,
                "type": {"const": "secret_detection"},
                "start_time": TIME,
                "end_time": TIME,
                "status": {"enum": ["success", "failure"]},
                "messages": {
                    "type": "array",
                    "items": {
                        "required": ["level", "value"],
                        "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": TEXT},
                    },
                },
            },
        },
        "vulnerabilities": {
            "type": "array",
            "items": {
                "required": ["id", "identifiers", "location"],
                "properties": {
                    "id": TEXT,
                    "name": {"type": "string", "maxLength": 255},
                    "solution": {"type": "string", "maxLength": 7000},
                    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                    "identifiers": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "required": ["type", "name", "value"],
                            "properties": {"type": TEXT, "name": TEXT, "value": TEXT},
                        },
                    },
                    "location": {
                        "required": ["commit"],
                        "properties": {
                            "file": {"type": "string"},
                            "start_line": {"type": "number"},
                            "commit": {"required": ["sha"], "properties": {"sha": TEXT}},
                        },
                    },
                },
            },
        },
    },
}


def written(report: model.Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(report, "gitlab"))
    jsonschema.Draft7Validator(DEMANDS).validate(document)
    return document


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), reports.breach(20, 5)])
def test_meets_the_demands_of_the_schema(report: model.Report) -> None:
    written(report)


def test_each_place_and_problem_is_a_vulnerability() -> None:
    found = written(a_leak())["vulnerabilities"]
    assert [v["severity"] for v in found] == ["Critical", "Critical", "High"]
    assert found[0]["location"]["file"] == ".github/workflows/publish.yml"
    assert found[0]["location"]["commit"]["sha"].startswith("4f1c2a9d0b7e")
    assert found[2]["location"]["commit"]["sha"] == "0" * 40
    assert not any("raw_source_code_extract" in v for v in found)


def test_ids_are_uuids_that_survive_a_moved_line() -> None:
    report = a_leak()
    moved = tuple(replace(spot, line=(spot.line or 0) + 40) for spot in report.credentials[0].locations)
    later = replace(report, credentials=(replace(report.credentials[0], locations=moved),))
    before = [v["id"] for v in written(report)["vulnerabilities"]]
    assert before == [v["id"] for v in written(later)["vulnerabilities"]]
    assert len({uuid.UUID(name) for name in before}) == len(before)


def test_an_incomplete_run_is_a_failure_with_its_reasons() -> None:
    scan = written(reports.incomplete())["scan"]
    assert scan["status"] == "failure"
    assert "shallow" in scan["messages"][0]["value"]
