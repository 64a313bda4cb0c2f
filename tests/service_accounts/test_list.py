"""`service-accounts list`: rights in words, verdicts, fingerprints, formats, and what can't be read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.hub import bodies
from tests.hub.faults import error, html, rate_limited
from tests.hub.routes_service_accounts import service_account, service_token
from tests.service_accounts.conftest import NOW, Organization
from tests.support.mint import Mint
from tokenaudit.hub import pagination
from tokenaudit.hub.result import Failure
from tokenaudit.model import Credential, Severity
from tokenaudit.policy.settings import Exemption, Settings
from tokenaudit.report.schema import SERVICE_ACCOUNTS, shipped
from tokenaudit.report.service_accounts import FORMATS, render
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.assess import ServiceAccountsReport, assessed, problems
from tokenaudit.service_accounts.read import parse_account, parse_token, read_accounts


def stamp(days: float) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def token(**more: Any) -> dict[str, Any]:
    """A narrow token, used today, that expires."""
    fields = {"lastUsedAt": stamp(0), "createdAt": stamp(100), "expiration": stamp(-30), **more}
    return service_token("t", **{key: value for key, value in fields.items() if value is not None})


def verdict(settings: Settings | None = None, **more: Any) -> dict[str, Severity]:
    """The reasons of a token's verdict: rule to severity."""
    account = parse_account("acme", service_account("ci", accessTokens=[token(**more)]))[0]
    (judged,) = assessed([account], [], settings or Settings(), NOW)[0].tokens
    assert judged.verdict is not None
    return {reason.rule: reason.severity for reason in judged.verdict.reasons}


def privilege(**more: Any) -> str:
    account = parse_account("acme", service_account("ci", accessTokens=[token(**more)]))[0]
    (judged,) = assessed([account], [], Settings(), NOW)[0].tokens
    return judged.verdict.privilege if judged.verdict else ""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"lastUsedAt": stamp(89.9)}, {}),
        ({"lastUsedAt": stamp(90)}, {"service-token-unused": Severity.MEDIUM}),
        ({"lastUsedAt": None}, {"service-token-unused": Severity.MEDIUM}),
        ({"lastUsedAt": None, "createdAt": stamp(30)}, {"service-token-unused": Severity.LOW}),
        ({"lastUsedAt": None, "createdAt": stamp(1)}, {"service-token-unused": Severity.INFO}),
        ({"expiration": None}, {"service-token-no-expiry": Severity.LOW}),
        ({"permissions": ["repo.content.read"]}, {"service-token-wide": Severity.MEDIUM}),
        ({"permissions": ["repo.write"]}, {"service-token-wide": Severity.CRITICAL}),
        ({"permissions": ["job.write"]}, {"service-token-wide": Severity.CRITICAL}),
        ({"permissions": ["inference.endpoints.write"]}, {"service-token-wide": Severity.HIGH}),
        ({"permissions": ["org.read", "collection.read", "org.serviceAccounts.read"]}, {}),
        ({"permissions": ["org.serviceAccounts.write"]}, {"service-token-mints-tokens": Severity.CRITICAL}),
        ({"skipNetworkSecurity": True}, {"service-token-skips-network-rules": Severity.HIGH}),
        ({"role": "write"}, {"service-token-wide": Severity.CRITICAL}),
        ({"role": "read"}, {"service-token-wide": Severity.HIGH}),
        ({"role": "owner"}, {"token-scope-unknown": Severity.HIGH}),
        ({"permissions": ["quantum.write"]}, {"token-unknown-permission": Severity.HIGH}),
        ({"repoIds": ["1" * 24], "repoPermissions": ["repo.rewrite"]}, {"token-unknown-permission": Severity.HIGH}),
        ({"repoIds": ["1" * 24], "repoPermissions": ["repo.write"]}, {}),
        ({"permissions": {"all": True}}, {"token-scope-unknown": Severity.HIGH}),
        ({"expiration": "soon"}, {"token-scope-unknown": Severity.HIGH, "service-token-no-expiry": Severity.LOW}),
        ({"skipNetworkSecurity": "yes"}, {"token-scope-unknown": Severity.HIGH}),
        ({"expiration": stamp(1), "permissions": ["repo.write"]}, {"service-token-no-expiry": Severity.INFO}),
    ],
)
def test_each_rule_judges_a_token_by_what_the_hub_says(more: dict[str, Any], expected: dict[str, Severity]) -> None:
    assert verdict(**more) == expected


def test_only_known_narrow_rights_are_called_minimal() -> None:
    assert privilege() == "minimal"
    assert privilege(permissions=["repo.content.read"]) == "over"
    assert privilege(permissions=["quantum.write"]) == "unknown"
    assert privilege(repoPermissions=5) == "unknown"
    assert privilege(role="something") == "unknown"


def test_an_exemption_of_the_organization_lowers_a_reason_and_is_listed() -> None:
    accepted = Settings(exemptions=(Exemption("acme", NOW.date(), "migration", ("service-token-wide",)),))
    assert verdict(accepted, permissions=["repo.write"]) == {"service-token-wide": Severity.INFO}
    others = Settings(exemptions=(Exemption("other", NOW.date(), "migration"),))
    assert verdict(others, permissions=["repo.write"]) == {"service-token-wide": Severity.CRITICAL}


def test_a_token_is_matched_by_its_last_four_characters_and_never_guessed() -> None:
    mint = Mint(5)
    values = [Secret(mint.user_token()[:-4] + end) for end in ("AAAA", "BBBB", "BBBB", "CCCC")]
    known = [Credential(s.fingerprint, "user_token", s.display, "credential") for s in values]
    known.append(Credential("f" * 32, "user_token", "hf_****DDDD", "placeholder"))
    ends = ("AAAA", "BBBB", "CCCC", "CCCC", "DDDD", "EEEE")
    tokens = [service_token(end, number, last4=end) for number, end in enumerate(ends)]
    tokens.append(service_token("none", 9))
    del tokens[-1]["last4"]
    account = parse_account("acme", service_account("ci", accessTokens=tokens))[0]
    found = assessed([account], known, Settings(), NOW)[0].tokens
    assert [token.fingerprint for token in found] == [values[0].fingerprint, *[None] * 6]
    assert found[1].candidates == tuple(sorted({values[1].fingerprint, values[2].fingerprint}))
    # One credential can't be the value of two tokens.
    assert found[2].candidates == found[3].candidates == (values[3].fingerprint,)
    assert [token.candidates for token in found[4:]] == [(), (), ()]


def test_every_page_and_every_account_is_read_with_names_of_repositories(org: Organization) -> None:
    org.double.world.page_size = 2
    more = [service_account(f"a{number}", number + 2) for number in range(5)]
    org.double.world.service_accounts["acme"] += more
    org.token["repoIds"].append("9" * 24)
    found = read_accounts(org.hub, "acme", Secret(org.own))
    assert [account.name for account in found.accounts] == ["ci", *(f"a{number}" for number in range(5))]
    assert found.skipped == ()
    (first, second) = found.accounts[0].tokens[0].repositories
    assert (first.type, first.name, first.permissions) == ("model", "acme/m", ("repo.content.read",))
    assert (second.id, second.name) == ("9" * 24, None)


def test_a_listing_without_ids_is_completed_one_by_one(org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    original = pagination.listed

    def without_ids(*arguments: Any, **more: Any) -> Any:
        listing = original(*arguments, **more)
        if isinstance(listing, Failure) or not arguments[1].startswith("/api/models"):
            return listing
        return replace(listing, items=tuple({k: v for k, v in row.items() if k != "_id"} for row in listing))

    monkeypatch.setattr("tokenaudit.hub.service_accounts.listed", without_ids)
    found = read_accounts(org.hub, "acme", Secret(org.own))
    assert found.accounts[0].tokens[0].repositories[0].name == "acme/m"


def test_what_can_not_be_read_is_skipped_with_the_permission_and_exits_3(org: Organization) -> None:
    org.token.update(expiration=stamp(-30), lastUsedAt=stamp(0))
    org.double.knows(org.own, bodies.classic("write", orgs=[bodies.org(role="write")]))
    ran = org.command("list", "acme", "--format", "json")
    document = json.loads(ran.out)
    assert ran.code == 3
    assert document["accounts"] == []
    (skipped,) = document["skipped"]
    assert "needs org.serviceAccounts.read on acme" in skipped["reason"]


@pytest.mark.parametrize("fault", [error(500, "oops"), html(502), rate_limited(0, 900)])
def test_an_account_that_is_not_answered_is_kept_and_reported(org: Organization, fault: Any) -> None:
    org.double.world.service_accounts["acme"].append(service_account("second", 2))
    org.double.fails(r"/service-accounts/0+2$", fault, always=True)
    found = read_accounts(org.hub, "acme", Secret(org.own))
    assert [account.name for account in found.accounts] == ["ci", "second"]
    assert "tokens of the service account second of acme" in found.skipped[0].where


def test_malformed_answers_are_reported_and_nothing_is_called_clean(org: Organization) -> None:
    org.account["accessTokens"] += ["text", {"displayName": "without id"}, {"_id": "5" * 24}]
    org.double.world.service_accounts["acme"].append(service_account("silent", 2))
    del org.double.world.service_accounts["acme"][1]["accessTokens"]
    found = read_accounts(org.hub, "acme", Secret(org.own))
    reasons = [entry.reason for entry in found.skipped]
    assert "2 invalid entries" in reasons
    assert "the Hub did not return a list of its tokens" in reasons
    assert parse_token({"_id": "5" * 24}).details_known is False


def test_every_format_says_the_same_and_escapes_hostile_names(org: Organization) -> None:
    leaked = Mint("leaked").user_token()
    org.account["name"] = "=cmd()\x1b[2J|"
    org.account["description"] = leaked
    org.token["displayName"] = f"\u202e{leaked}"
    report = ServiceAccountsReport(
        "acme", assessed(read_accounts(org.hub, "acme", Secret(org.own)).accounts, [], Settings(), NOW)
    )
    texts = {name: render(report, name) for name in FORMATS}
    for text in texts.values():
        assert leaked not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "service-token-no-expiry" in text
    assert "read the contents (`repo.content.read`) on model acme/m" in texts["text"]
    rows = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert rows[0]["account"].startswith("'=")
    assert rows[0]["repositories"] == "model:acme/m"
    document = json.loads(texts["json"])
    Draft202012Validator(shipped(SERVICE_ACCOUNTS)).validate(document)
    assert document["schema"] == "tokenaudit/service-accounts/1"
    found = document["accounts"][0]["tokens"][0]
    assert found["repositories"][0]["name"] == "acme/m"
    assert found["last4"] == org.old[-4:]
    assert found["verdict"]["reasons"]


def test_the_command_exits_by_severity_and_writes_a_file(org: Organization) -> None:
    org.token.update(expiration=stamp(-30), lastUsedAt=stamp(0))
    clean = org.command("list", "acme")
    assert (clean.code, "1 token, 0 with findings" in clean.out) == (0, True)
    org.token["permissions"] = ["repo.write"]
    assert org.command("list", "acme").code == 1
    assert org.command("list", "acme", "--fail-on", "never").code == 0
    path = org.home / "accounts.json"
    assert org.command("list", "acme", "-f", "json", "-o", str(path)).out == ""
    assert json.loads(path.read_text())["organization"] == "acme"


def test_wrong_input_is_one_line_with_exit_2(org: Organization) -> None:
    missing = org.command("list", "acme", "--inventory", str(org.home / "none.sqlite"))
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert org.command("list", "../acme").code == 2
    assert org.double.requests == []
    org.own = ""
    ran = org.command("list", "acme")
    assert ran.code == 2
    assert "HF_TOKEN" in ran.err


def test_reasons_become_problems_of_a_report() -> None:
    account = parse_account("acme", service_account("ci", accessTokens=[token(permissions=["repo.write"])]))[0]
    (problem,) = problems(assessed([account], [], Settings(), NOW))
    assert (problem.rule, problem.severity) == ("service-token-wide", Severity.CRITICAL)
    assert (problem.target, problem.where) == ("service-accounts/acme", "ci / t")
