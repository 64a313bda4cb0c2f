"""The JSON report is the contract: every key there, in UTC, readable again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta, timezone

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.errors import ConfigurationError
from tokenaudit.report import render, schema
from tokenaudit.report.json import load
from tokenaudit.secret import Secret

TOP = {
    "schema",
    "tool",
    "started_at",
    "finished_at",
    "complete",
    "skipped",
    "targets",
    "credentials",
    "problems",
    "summary",
}
CREDENTIAL = {
    "fingerprint", "kind", "display", "likelihood", "locations", "inspection", "reach", "verdict", "recommendation",
}  # fmt: skip
LOCATION = {"source", "target", "path", "line", "column", "commit", "author", "date", "reachable", "in_head", "via"}
INSPECTION = {
    "status", "checked_at", "reason", "account", "name", "role", "created_at", "expires_at", "grants",
    "global_permissions", "can_read_gated_repos", "orgs",
}  # fmt: skip
PROBLEM = {
    "rule", "severity", "target", "path", "line", "column", "where", "credential_name", "message", "remedy",
}  # fmt: skip


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_every_key_of_the_contract_is_written() -> None:
    document = json.loads(render(a_leak(), "json"))
    credential = document["credentials"][0]
    assert document.keys() >= TOP
    assert next(iter(document)) == "schema"
    assert credential.keys() >= CREDENTIAL
    assert credential["locations"][0].keys() >= LOCATION
    assert credential["inspection"].keys() >= INSPECTION
    assert credential["reach"].keys() >= {"readable", "writable", "downloads_month", "repos"}
    assert credential["reach"]["repos"][0].keys() >= {"id", "type", "access", "private", "downloads"}
    assert credential["verdict"].keys() >= {"severity", "privilege", "reasons"}
    assert credential["recommendation"].keys() >= {"replacement", "grants", "create_url", "patch", "evidence"}
    assert document["problems"][0].keys() >= PROBLEM
    assert document["summary"].keys() >= {"credentials", "active", "over_privileged", "problems"}


def test_unknown_things_are_null_not_missing() -> None:
    location = json.loads(render(a_leak(), "json"))["credentials"][0]["locations"][1]
    assert location["commit"] is None


def test_times_are_utc_with_a_z() -> None:
    """A time in another zone, as git gives it, is written in UTC."""
    there = reports.NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    report = replace(reports.clean(), started_at=there)
    assert json.loads(render(report, "json"))["started_at"] == "2026-10-12T09:30:00Z"


@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), reports.breach(12, 4)])
def test_what_is_written_is_valid_and_reads_back_the_same(report: model.Report) -> None:
    text = render(report, "json")
    validator = jsonschema.Draft202012Validator(schema.shipped())
    validator.validate(json.loads(text))
    ordered = replace(
        report,
        credentials=tuple(sorted(report.credentials, key=lambda one: one.order)),
        problems=tuple(sorted(report.problems, key=lambda one: one.order)),
    )
    assert load(text) == ordered


def test_the_shipped_schema_is_the_one_the_model_gives() -> None:
    """After a change of the model: python -m tokenaudit.report.schema > tokenaudit/report/report.schema.json."""
    assert schema.shipped() == schema.generate()


def test_the_schema_refuses_a_report_without_a_key() -> None:
    document = json.loads(render(a_leak(), "json"))
    del document["credentials"][0]["verdict"]
    assert not jsonschema.Draft202012Validator(schema.shipped()).is_valid(document)


def test_unlikely_ones_are_counted_and_listed_only_on_request() -> None:
    report = a_leak()
    placeholder = replace(report.credentials[0], likelihood="placeholder", fingerprint="0" * 32)
    report = replace(report, credentials=(placeholder, *report.credentials), summary=model.Summary(1, 1, 1, 1, 1))
    short = json.loads(render(report, "json"))
    long = json.loads(render(report, "json", show_unlikely=True))
    assert [c["likelihood"] for c in short["credentials"]] == ["credential"]
    assert short["summary"]["unlikely"] == 1
    assert [c["likelihood"] for c in long["credentials"]] == ["credential", "placeholder"]


def test_keys_of_a_later_minor_version_are_ignored() -> None:
    document = json.loads(render(a_leak(), "json"))
    document["credentials"][0]["mood"] = "bright"
    assert load(json.dumps(document)) == a_leak()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema": "tokenaudit/report/2", "tool": 3}', "newer tokenaudit"),
        ('{"schema": "tokenaudit/plan/1"}', "not a tokenaudit report"),
        ('{"schema": 7}', "not a tokenaudit report"),
        ("[]", "not a tokenaudit report"),
        ("{}", "not a tokenaudit report"),
        ('{"schema": "tokenaudit/report/1"}', "required field `tool`"),
        ('{"schema": "tokenaudit/report/1", "tool": 5}', "at $.tool"),
        (render(reports.clean(), "json")[:200], "not valid JSON"),
        ("", "not valid JSON"),
        ('{"schema": "tokenaudit/report/1", "more": ' + "[" * 100_000, "nested too deeply"),
        (b'{"schema": "\xff"}', "not UTF-8"),
    ],
)
def test_what_is_no_report_gets_one_clear_line(text: str | bytes, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(text, "old.json")
    assert says in str(raised.value)
    assert "old.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_never_quotes_the_value_that_was_wrong() -> None:
    value = Mint(5).user_token()
    document = json.loads(render(a_leak(), "json"))
    document["credentials"][0]["likelihood"] = value
    with pytest.raises(ConfigurationError) as raised:
        load(json.dumps(document))
    assert value not in str(raised.value)
    assert "$.credentials[0].likelihood" in str(raised.value)


@given(st.text(st.characters(), max_size=40))
def test_any_text_survives_as_text(name: str) -> None:
    """Bidi, invisible and control characters are escapes in the file; lone surrogates become visible bytes."""
    text = render(replace(reports.clean(), targets=(model.Target(name, "git"),)), "json")
    text.encode()
    assert not set("\u202e\u2066\u200b\ufeff\x1b\x7f\x9b\u2028") & set(text)
    again = load(text).targets[0].target
    if not any(0xD800 <= ord(c) <= 0xDFFF for c in name):
        assert again == name
