"""The verdict on every shape, in the open and out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone

import pytest

from tests.hub import bodies
from tests.support.mint import Mint
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.inspect.inspector import unanswered
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.model import Claims, Credential, Evidence, Inspection, Location, Recommendation, Severity
from tokenaudit.policy import RULES, Exemption, Incident, Settings
from tokenaudit.policy.evaluate import evaluate
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
SECRET = Secret(Mint(4).user_token())
FILE = Location("tree", "acme-app", "app.py", 3, 1)


def credential(inspection: Inspection | None = None, *locations: Location, kind: str = "user_token") -> Credential:
    return Credential(
        SECRET.fingerprint, kind, SECRET.display, "credential", locations=locations, inspection=inspection
    )


def inspected(body: object) -> Inspection:
    return parse_whoami(Reply(200, body), SECRET, now=NOW, endpoint="https://hub.example.com")


def refused(status: int, message: str) -> Inspection:
    failure = Failure("refused", status, message)
    return unanswered(failure, "user_token", now=NOW, endpoint="https://hub.example.com")


def rules(subject: Credential, settings: Settings | None = None) -> dict[str, Severity]:
    return {reason.rule: reason.severity for reason in evaluate(subject, settings or Settings(), NOW).reasons}


@pytest.mark.parametrize(
    ("shape", "severity", "privilege", "severity_in_the_open"),
    [
        ("classic-read", "high", "over", "high"),
        ("classic-write", "critical", "over", "critical"),
        ("god", "critical", "over", "critical"),
        ("fine-grained-everything-user", "critical", "over", "critical"),
        ("fine-grained-inference-only", "info", "minimal", "high"),
        ("fine-grained-no-details", "high", "unknown", "critical"),
        ("fine-grained-repo-org-resource-group", "info", "minimal", "critical"),
        ("fine-grained-single-model-read", "info", "minimal", "medium"),
        ("fine-grained-unknown-permission", "high", "unknown", "critical"),
        ("fine-grained-nothing", "info", "minimal", "medium"),
        ("no-email", "critical", "over", "critical"),
        ("oauth", "high", "unknown", "critical"),
        ("app-token", "high", "unknown", "critical"),
        ("org-token-legacy", "high", "unknown", "critical"),
        ("restricted-org", "high", "over", "high"),
    ],
)
def test_every_shape_gets_its_verdict(shape: str, severity: str, privilege: str, severity_in_the_open: str) -> None:
    inspection = inspected(bodies.shapes()[shape])
    verdict = evaluate(credential(inspection), Settings(), NOW)
    assert (verdict.severity.value, verdict.privilege) == (severity, privilege)
    assert evaluate(credential(inspection, FILE), Settings(), NOW).severity.value == severity_in_the_open


def test_an_exposed_credential_that_nobody_asked_about_is_high() -> None:
    verdict = evaluate(credential(None, FILE), Settings(), NOW)
    assert (verdict.severity, verdict.privilege) == (Severity.HIGH, "unknown")
    assert rules(credential(None, FILE)) == {"token-exposed": Severity.HIGH}


def test_an_exposed_credential_without_an_answer_stays_high() -> None:
    assert rules(credential(refused(403, "Forbidden"), FILE))["token-exposed"] is Severity.HIGH


@pytest.mark.parametrize("words", ["Invalid credentials in Authorization header", "User Access Token is expired"])
def test_a_dead_credential_in_the_open_is_still_a_finding(words: str) -> None:
    assert rules(credential(refused(401, words), FILE)) == {"token-exposed": Severity.LOW}


def test_a_token_that_expired_by_its_own_claims_is_low_without_asking() -> None:
    claims = Claims(expires_at=datetime(2026, 10, 1, tzinfo=timezone.utc))
    subject = replace(credential(None, FILE, kind="oauth_token"), claims=claims)
    assert rules(subject) == {"token-exposed": Severity.LOW}


def test_a_credential_that_is_held_where_it_belongs_is_not_exposed() -> None:
    assert rules(credential(None, Location("machine", "~/.cache/huggingface/token"))) == {}


@pytest.mark.parametrize("likelihood", ["placeholder", "identifier"])
def test_what_is_no_credential_gets_no_reasons(likelihood: str) -> None:
    verdict = evaluate(replace(credential(None, FILE), likelihood=likelihood), Settings(), NOW)  # type: ignore[arg-type]
    assert verdict.reasons == ()
    assert verdict.severity is Severity.INFO


def test_reasons_come_worst_first_and_each_says_what_why_and_what_next() -> None:
    subject = credential(inspected(bodies.shapes()["fine-grained-everything-user"]), FILE)
    verdict = evaluate(subject, Settings(), NOW)
    ranks = [reason.severity.rank for reason in verdict.reasons]
    assert ranks == sorted(ranks, reverse=True)
    assert verdict.severity is verdict.reasons[0].severity
    assert all(reason.message and reason.remedy for reason in verdict.reasons)
    assert {"token-namespace-wide-write", "token-dangerous-permission", "token-exposed-active"} <= set(rules(subject))


def scoped(kind: str, *permissions: str, name: str | None = "acme/m") -> Credential:
    return credential(inspected(bodies.user(bodies.fine_grained(bodies.scope(kind, permissions, name=name)))))


@pytest.mark.parametrize(
    ("kind", "permission", "rule", "severity"),
    [
        ("user", "repo.write", "token-namespace-wide-write", "critical"),
        ("org", "repo.write", "token-org-wide-write", "critical"),
        ("org", "org.write", "token-dangerous-permission", "critical"),
        ("org", "resourceGroup.write", "token-dangerous-permission", "critical"),
        ("org", "org.serviceAccounts.write", "token-dangerous-permission", "critical"),
        ("user", "job.write", "token-dangerous-permission", "critical"),
        ("user", "user.webhooks.write", "token-dangerous-permission", "high"),
        ("user", "repo.content.read", "token-dangerous-permission", "medium"),
        ("org", "repo.content.read", "token-dangerous-permission", "medium"),
        ("model", "repo.config.secrets.write", "token-dangerous-permission", "high"),
        ("model", "repo.own", "token-unknown-permission", "high"),
        ("galaxy", "repo.content.read", "token-dangerous-permission", "medium"),
    ],
)
def test_each_dangerous_grant_is_named(kind: str, permission: str, rule: str, severity: str) -> None:
    subject = scoped(kind, permission, name="acme")
    assert rules(subject) == {rule: Severity(severity)}
    assert evaluate(subject, Settings(), NOW).privilege != "minimal"


def test_a_hub_that_names_a_million_permissions_gets_a_readable_verdict() -> None:
    many = [f"made.up.{number}" for number in range(1000)]
    scopes = [bodies.scope("model", [*many, "job.write"], name=f"acme/m{number}") for number in range(1000)]
    verdict = evaluate(credential(inspected(bodies.user(bodies.fine_grained(*scopes)))), Settings(), NOW)
    assert len(verdict.reasons) < 50
    assert verdict.privilege != "minimal"
    assert all(len(reason.message) < 1000 for reason in verdict.reasons)


@pytest.mark.parametrize("permission", ["repo.content.read", "repo.write", "discussion.write"])
@pytest.mark.parametrize("kind", ["model", "dataset", "space", "bucket", "kernel"])
def test_a_grant_on_one_repository_is_minimal(kind: str, permission: str) -> None:
    assert evaluate(scoped(kind, permission), Settings(), NOW).privilege == "minimal"


def test_a_permission_on_the_teams_own_list_is_dangerous() -> None:
    settings = Settings(dangerous_permissions=("discussion.write",))
    assert rules(scoped("model", "discussion.write"), settings) == {"token-dangerous-permission": Severity.HIGH}


def test_a_role_that_the_team_allows_is_not_reported() -> None:
    subject = credential(inspected(bodies.classic("read")))
    assert rules(subject, Settings(allowed_roles=("read",))) == {}
    assert evaluate(subject, Settings(allowed_roles=("read",)), NOW).privilege == "unknown"


@pytest.mark.parametrize(
    ("org", "severity", "words"),
    [
        (bodies.org(role="admin"), "critical", "acme"),
        (bodies.org(role="write"), "critical", "acme"),
        (bodies.org(role="contributor"), "critical", "acme"),
        (bodies.org(role="read"), "low", "role in acme is read"),
        (bodies.org(role="no_access"), "low", "role in acme is no_access"),
        (bodies.org(role="admin", restrictions=["sso"]), "low", "denies access to this token: sso"),
        (bodies.org(role=None), "critical", "acme"),
        (bodies.org(role="overlord"), "critical", "acme"),
    ],
)
def test_a_grant_weighs_what_its_owners_role_leaves_of_it(org: dict[str, object], severity: str, words: str) -> None:
    body = bodies.user(bodies.fine_grained(bodies.scope("org", ["repo.write"], name="acme")), orgs=[org])
    (reason,) = [
        reason
        for reason in evaluate(credential(inspected(body)), Settings(), NOW).reasons
        if reason.rule == "token-org-wide-write"
    ]
    assert reason.severity.value == severity
    assert words in reason.message


def aged(created: str) -> Credential:
    return credential(inspected(bodies.user(bodies.fine_grained(created=created))))


def test_age_counts_against_the_teams_maximum() -> None:
    assert "token-old" not in rules(aged("2026-08-01T00:00:00.000Z"))
    assert rules(aged("2026-08-01T00:00:00.000Z"), Settings(max_age_days=30)) == {"token-old": Severity.MEDIUM}
    assert "token-old" in rules(aged("2025-08-01T00:00:00.000Z"))


def test_a_token_older_than_an_incident_is_named_with_it() -> None:
    verdict = evaluate(aged("2024-05-30T23:59:59.000Z"), Settings(max_age_days=9999), NOW)
    messages = [reason.message for reason in verdict.reasons if reason.rule == "token-predates-incident"]
    assert ["spaces-2024-05" in message for message in messages] == [True, False]
    assert rules(aged("2026-07-15T23:59:59.999Z")) == {"token-predates-incident": Severity.MEDIUM}
    assert rules(aged("2026-07-16T00:00:00.000Z")) == {}


def test_a_team_can_add_an_incident_of_its_own() -> None:
    own = Incident("laptop-stolen", "a laptop was stolen", NOW, "replace what was on it", "ticket 7")
    assert "token-predates-incident" in rules(aged("2026-10-30T00:00:00.000Z"), Settings(incidents=(own,)))


def test_one_value_in_two_targets_is_shared() -> None:
    two = (FILE, Location("tree", "acme-site", "x.py", 1, 1))
    assert rules(credential(None, *two))["token-shared"] is Severity.MEDIUM
    assert "token-shared" not in rules(credential(None, FILE, replace(FILE, path="other.py")))


def test_withdrawn_kinds_are_named() -> None:
    assert rules(credential(None, FILE, kind="org_token"))["token-deprecated-kind"] is Severity.LOW
    assert rules(credential(inspected(bodies.legacy_org()), kind="org_token"))["token-deprecated-kind"] is Severity.HIGH


def test_an_administrators_wide_token_is_named_and_a_narrow_one_is_not() -> None:
    admin = [bodies.org(role="admin")]
    assert (
        rules(credential(inspected(bodies.classic("write", orgs=admin))))["token-owner-is-org-admin"] is Severity.HIGH
    )
    assert "token-owner-is-org-admin" not in rules(credential(inspected(bodies.one_model_read(orgs=admin))))
    barred = [bodies.org(role="admin", restrictions=["sso"])]
    assert "token-owner-is-org-admin" not in rules(credential(inspected(bodies.classic("write", orgs=barred))))


def test_a_token_in_a_workflow_could_be_keyless() -> None:
    workflow = Location("tree", "acme-app", ".github/workflows/release.yml", 3, 1)
    assert rules(credential(None, workflow))["token-could-be-keyless"] is Severity.INFO
    advised = replace(credential(None, FILE), recommendation=Recommendation("trusted-publisher"))
    assert "token-could-be-keyless" in rules(advised)
    narrow = replace(credential(None, FILE), recommendation=Recommendation("fine-grained"))
    assert "token-could-be-keyless" not in rules(narrow)


def test_a_grant_that_the_code_was_not_seen_to_need_is_named() -> None:
    evidence = (Evidence("repo.content.read", "needed", "app.py", 3, 'snapshot_download("acme/m")'),)
    held = scoped("model", "repo.content.read", "repo.write")
    subject = replace(held, recommendation=Recommendation("fine-grained", evidence=evidence))
    assert rules(subject) == {"token-unused-grant": Severity.MEDIUM}
    assert evaluate(subject, Settings(), NOW).privilege == "over"
    unseen = replace(held, recommendation=Recommendation("fine-grained"))
    assert rules(unseen) == {}


def test_an_exemption_turns_reasons_into_information_until_its_day_and_says_why() -> None:
    subject = scoped("org", "repo.write", name="acme")
    accepted = Exemption("acme", date(2026, 11, 1), "migration under way", ("token-org-wide-write",))
    verdict = evaluate(subject, Settings(exemptions=(accepted,)), NOW)
    assert verdict.severity is Severity.INFO
    assert verdict.privilege == "over"
    assert "migration under way" in verdict.reasons[0].message
    over = accepted._replace(until=date(2026, 10, 31))
    assert evaluate(subject, Settings(exemptions=(over,)), NOW).severity is Severity.CRITICAL
    elsewhere = accepted._replace(organization="globex")
    assert evaluate(subject, Settings(exemptions=(elsewhere,)), NOW).severity is Severity.CRITICAL


def test_no_setting_quietens_what_stands_in_the_open() -> None:
    subject = replace(scoped("org", "repo.write", name="acme"), locations=(FILE,))
    lax = Settings(9999, ("read", "write", "god"), exemptions=(Exemption("acme", date(2099, 1, 1), "because"),))
    assert evaluate(subject, lax, NOW).severity is Severity.CRITICAL
    classic = credential(inspected(bodies.classic("write")), FILE)
    assert evaluate(classic, lax, NOW).severity is Severity.CRITICAL


def test_the_same_file_seen_by_several_sources_is_one_place() -> None:
    twice = credential(None, FILE, replace(FILE, source="history", line=9), replace(FILE, source="ci"))
    (reason,) = evaluate(twice, Settings(), NOW).reasons
    assert "found in 1 place;" in reason.message


def test_every_rule_explains_itself() -> None:
    assert len(RULES) == 22
    for name, rule in RULES.items():
        assert rule.id == name
        assert all((rule.title, rule.why, rule.remedy, rule.bad, rule.good))
