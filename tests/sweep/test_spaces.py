"""Problems of Spaces: what anybody can read, what is shared, copied, or never renewed."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from sqlalchemy import text

from tests.hub.state import MOMENT
from tests.sweep.example_org import Acme
from tokenaudit.ci.model import Names
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.inventory.export import as_json
from tokenaudit.model import Problem, SecretName, Severity
from tokenaudit.policy.settings import Settings
from tokenaudit.remediate.runbook.consumers import consumers_of
from tokenaudit.rule_index import find_rules
from tokenaudit.secret import fingerprint
from tokenaudit.sweep.cross_checks import RULES, across

NOW = datetime(2026, 10, 12, tzinfo=timezone.utc)


def space(
    org: Acme, name: str, variables: dict[str, str], sdk: str = "gradio", *, copied_from: str | None = None
) -> None:
    hosted = org.double.world.add_space(f"acme/{name}", variables=variables)
    hosted.info["sdk"] = sdk
    if copied_from:
        hosted.info["cardData"] = {"duplicated_from": copied_from}


def problems(org: Acme) -> set[tuple[str, str, str | None, str]]:
    found = org.sweep().report.problems
    return {(p.rule, p.target, p.credential_name, p.severity.value) for p in found}


def test_a_token_in_a_variable_is_a_problem_of_its_space(org: Acme) -> None:
    space(org, "app", {"API": org.token("x"), "THEME": "dark", "HF_TOKEN": "hf_xxx"}, "docker")
    (problem,) = org.sweep().report.problems
    assert (problem.rule, problem.credential_name, problem.severity) == (
        "space-token-in-variable",
        "API",
        Severity.CRITICAL,
    )
    assert "image" in problem.message


def test_a_token_in_a_variables_description(org: Acme) -> None:
    """The description is as public as the value; it is told apart by `member`, and nothing reads a token from it."""
    space(org, "app", {"THEME": "dark"})
    demo = org.double.world.repos["space", "acme/app"]
    demo.variables["THEME"]["description"] = f"like the one of {org.token('x')}"
    report = org.sweep().report
    (credential,) = report.credentials
    (place,) = credential.locations
    assert (place.source, place.target, place.path, place.member) == (
        "space-variable",
        "spaces/acme/app",
        "THEME",
        "description",
    )
    assert consumers_of(credential, report) == ()


def test_a_variable_with_a_tokens_name_and_another_value_is_worth_a_look(org: Acme) -> None:
    space(org, "app", {"HF_TOKEN": "not shaped like one"})
    assert problems(org) == {("space-token-in-variable", "spaces/acme/app", "HF_TOKEN", "medium")}


def test_a_static_space_gives_its_secrets_to_every_visitor(org: Acme) -> None:
    space(org, "page", {"KEY": org.token("x")}, "static")
    page = org.double.world.repos["space", "acme/page"]
    page.secrets = {name: {"key": name, "updatedAt": MOMENT} for name in ("HF_TOKEN", "OTHER")}
    assert problems(org) == {
        ("space-token-in-variable", "spaces/acme/page", "KEY", "critical"),
        ("space-static-secret", "spaces/acme/page", "KEY", "critical"),
        ("space-static-secret", "spaces/acme/page", "HF_TOKEN", "critical"),
        ("space-static-secret", "spaces/acme/page", "OTHER", "high"),
    }


def test_one_token_in_two_spaces_and_a_copy_are_told(org: Acme) -> None:
    token = org.token("x")
    space(org, "first", {"T": token})
    space(org, "second", {"T": token}, copied_from="acme/first")
    space(org, "third", {"T": org.token("y")}, copied_from="elsewhere/app")
    found = problems(org)
    assert {entry for entry in found if entry[0] != "space-token-in-variable"} == {
        ("space-shared-token", "spaces/acme/first", "T", "high"),
        ("space-shared-token", "spaces/acme/second", "T", "high"),
        ("space-copied-variable", "spaces/acme/second", "T", "critical"),
        ("space-copied-variable", "spaces/acme/third", "T", "high"),
    }


def kept(name: str, when: str | None) -> SecretName:
    return SecretName("spaces/acme/app", name, updated_at=datetime.fromisoformat(when) if when else None)


@pytest.mark.parametrize(
    ("name", "when", "severity"),
    [
        ("HF_TOKEN", "2024-03-01T00:00:00+00:00", Severity.HIGH),
        ("HF_TOKEN", "2026-07-15T23:59:59+00:00", Severity.HIGH),
        ("HF_TOKEN", "2026-07-16T00:00:00+00:00", None),
        ("HF_TOKEN", None, None),
        ("WANDB_API_KEY", "2024-03-01T00:00:00+00:00", None),
    ],
)
def test_a_token_kept_since_before_an_incident_is_stale(name: str, when: str | None, severity: Severity | None) -> None:
    found = across([kept(name, when)], [], Settings(), Names(), NOW)
    assert [problem.severity for problem in found] == ([severity] if severity else [])


def test_a_token_older_than_the_policy_allows_is_stale() -> None:
    secret = kept("HF_TOKEN", "2026-08-01T00:00:00+00:00")
    assert across([secret], [], Settings(max_age_days=100), Names(), NOW) == []
    (problem,) = across([secret], [], Settings(max_age_days=30), Names(), NOW)
    assert (problem.rule, problem.severity) == ("space-stale-secret", Severity.MEDIUM)


def test_examples_of_the_rules_are_told_apart() -> None:
    """The bad example of each rule gives its problem, the good one none."""
    mark, other = fingerprint("a"), fingerprint("b")

    def variable(target: str, value: str) -> SecretName:
        return SecretName(f"spaces/acme/{target}", "HF_TOKEN", "space-variable", fingerprint=value)

    copy = [HubRepository("space", "acme/two", copied_from="acme/one")]

    def rules(secrets: list[SecretName], repositories: list[HubRepository]) -> set[str]:
        found: list[Problem] = across(secrets, repositories, Settings(), Names(), NOW)
        return {problem.rule for problem in found}

    assert rules([variable("one", mark), variable("two", mark)], []) == {"space-shared-token"}
    assert rules([variable("one", mark), variable("two", other)], []) == set()
    assert "space-copied-variable" in rules([variable("one", mark), variable("two", mark)], copy)
    assert rules([kept("HF_TOKEN", "2026-10-01T00:00:00+00:00")], copy) == set()


def test_the_rules_are_listed_with_the_others() -> None:
    assert {rule.id for rule in find_rules(None)} >= {*RULES, "space-token-in-variable", "space-static-secret"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+05:30", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999000Z"),
        ("2026-01-02T03:04:05.123456789+02:00", "2026-01-02T01:04:05.123456Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        (None, None),
    ],
)
def test_any_date_of_a_secret_is_kept(org: Acme, sent: object, kept: str | None) -> None:
    org.repository("app", "space", secret=False)
    app = org.double.world.repos["space", "acme/app"]
    app.secrets = {"HF_TOKEN": {"key": "HF_TOKEN", "updatedAt": sent}}
    for _ in range(2):
        swept = org.sweep()
        assert swept.report.complete, swept.report.skipped
        with org.book() as book:
            (secret,) = json.loads(as_json((), book.secrets()))["secrets"]
            assert secret["updated_at"] == kept
            assert book.check(NOW).damaged == ()


@pytest.mark.parametrize("sent", ["10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "soon", {"$date": 1}, 10**30])
def test_a_date_that_cannot_be_read_is_unknown_and_said(org: Acme, sent: object) -> None:
    org.repository("app", "space", secret=False)
    app = org.double.world.repos["space", "acme/app"]
    app.secrets = {name: {"key": name, "updatedAt": MOMENT} for name in ("HF_TOKEN", "OTHER")}
    app.secrets["HF_TOKEN"]["updatedAt"] = sent
    app.variables = {"THEME": {"key": "THEME", "value": "dark", "updatedAt": sent}}
    report = org.sweep().report
    assert {gap.where for gap in report.skipped} == {
        "spaces/acme/app: the secret HF_TOKEN",
        "spaces/acme/app: the variable THEME",
    }
    with org.book() as book:
        assert {(s.name, s.updated_at is None) for s in book.secrets()} == {
            ("HF_TOKEN", True),
            ("OTHER", False),
            ("THEME", True),
        }


def test_a_damaged_row_is_among_what_a_sweep_could_not_read(org: Acme) -> None:
    org.repository("m")
    org.sweep()
    with org.book() as book, book.engine.begin() as connection:
        connection.execute(text("UPDATE credentials SET document = 'x'"))
    report = org.sweep().report
    assert report.credentials == ()
    (gap,) = report.skipped
    assert "inventory check" in gap.reason
    with org.book() as book:
        assert book.check(NOW).sound
    report = org.sweep().report
    assert {one.fingerprint for one in report.credentials} == org.marks
    assert report.complete
