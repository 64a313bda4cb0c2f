"""`sweep ORG` includes service accounts and the organization's settings; the inventory remembers the accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hub import bodies, resources
from tests.hub.faults import error
from tests.hub.routes_service_accounts import service_token
from tests.service_accounts.conftest import NOW, Organization
from tests.support.gitrepo import GitRepo
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.organization import OrganizationReading, read_organization


def sweep(org: Organization) -> tuple[int, Any]:
    ran = org.run("sweep", "acme", "--format", "json", "--quiet", "--inventory", str(org.home / "inventory.sqlite"))
    assert ran.out, ran.err
    return ran.code, json.loads(ran.out)


@pytest.fixture
def swept(org: Organization, tmp_path: Path) -> Organization:
    """The organization with repositories of git, one of which holds the value of the token."""
    source = GitRepo(tmp_path / "source")
    source.write("config.env", f"HF_TOKEN={org.old}\n".encode())
    source.commit("add configuration")
    org.double.world.repos.clear()
    org.double.hosts(source.path, "acme/m", visibility="private")
    org.double.world.members["acme"] = [resources.member("root", "admin")]
    org.token["repoIds"] = [org.double.world.repos["model", "acme/m"].object_id]
    return org


def test_a_sweep_matches_tokens_with_what_it_found_and_the_inventory_remembers_them(swept: Organization) -> None:
    code, report = sweep(swept)
    assert code == 1
    assert report["skipped"] == []
    (account,) = report["service_accounts"]
    (token,) = account["tokens"]
    assert token["fingerprint"] == Secret(swept.old).fingerprint
    assert token["repositories"] == [
        {"id": swept.token["repoIds"][0], "type": "model", "name": "acme/m", "permissions": ["repo.content.read"]}
    ]
    problems = {problem["rule"] for problem in report["problems"] if problem["target"] == "service-accounts/acme"}
    assert problems == {"service-token-unused", "service-token-no-expiry"}
    inventory = str(swept.home / "inventory.sqlite")
    remembered = swept.run("inventory", "list", "--format", "json", "--inventory", inventory)
    (known,) = json.loads(remembered.out)["service_accounts"]
    assert (known["organization"], known["tokens"][0]["last4"]) == ("acme", swept.old[-4:])
    assert "service-token  acme  ci  deploy" in swept.run("inventory", "list", "--inventory", inventory).out
    assert swept.run("inventory", "check", "--inventory", inventory).code == 0
    listed = swept.command("list", "acme", "--format", "json", "--inventory", inventory)
    assert json.loads(listed.out)["accounts"][0]["tokens"][0]["fingerprint"] == token["fingerprint"]
    # A later sweep sees new tokens, although nothing else has changed; a failed one keeps what is known.
    swept.account["accessTokens"].append(service_token("second", 2))
    assert len(sweep(swept)[1]["service_accounts"][0]["tokens"]) == 2
    swept.double.fails(r"/service-accounts$", error(403, "Forbidden"), always=True)
    code, report = sweep(swept)
    assert len(report["service_accounts"][0]["tokens"]) == 2
    assert any(entry["where"] == "service-accounts/acme" for entry in report["skipped"])


def test_every_format_of_a_sweep_has_the_reasons(swept: Organization) -> None:
    inventory = str(swept.home / "inventory.sqlite")
    for name in ("text", "csv", "markdown", "html"):
        ran = swept.run("sweep", "acme", "--format", name, "--quiet", "--inventory", inventory)
        assert "service-token-no-expiry" in ran.out, name
        assert swept.old not in ran.out


def test_without_rights_each_part_is_skipped_with_its_permission(swept: Organization) -> None:
    swept.double.knows(swept.own, bodies.classic("write", orgs=[bodies.org(role="read")]))
    for person in swept.double.world.members["acme"]:
        del person["twoFaEnabled"]
    reasons = " ".join(entry["reason"] for entry in sweep(swept)[1]["skipped"])
    for permission in ("org.serviceAccounts.read", "org.networkSecurity.read", "the role admin in acme"):
        assert permission in reasons


def test_an_organization_whose_plan_has_no_service_accounts_is_complete(swept: Organization) -> None:
    free = {key: value for key, value in bodies.org(role="read").items() if key != "plan"}
    swept.double.knows(swept.own, bodies.classic("write", orgs=[free]))
    assert sweep(swept)[1]["complete"] is True


def read(org: Organization) -> OrganizationReading:
    return read_organization(org.hub, "acme", Secret(org.own), "enterprise", NOW)


def rules(org: Organization) -> dict[str, str]:
    return {problem.rule: problem.message for problem in read(org).problems}


def test_members_without_two_factor_authentication_are_named(org: Organization) -> None:
    def member(name: str, role: str, **more: object) -> dict[str, object]:
        return {**resources.member(name, role), **more}

    org.double.world.members["acme"] = [
        member("root", "admin", twoFaEnabled=True), member("boss", "admin", twoFaEnabled=False),
        member("dev", "write", twoFaEnabled=False), member("guest", "write", isExternalCollaborator=True),
    ]  # fmt: skip
    found = read(org)
    assert [(problem.rule, problem.severity.value, problem.message) for problem in found.problems] == [
        ("org-external-collaborator-write", "medium", "guest is an external collaborator with the role write"),
        ("org-member-without-2fa", "high", "administrators without two-factor authentication: boss"),
        ("org-member-without-2fa", "medium", "members without two-factor authentication: dev"),
    ]
    assert found.skipped == ()


def test_jobs_of_former_members_are_found_and_service_accounts_are_not(org: Organization) -> None:
    world = org.double.world
    world.members["acme"] = [resources.member("root", "admin")]
    world.scheduled_jobs["acme"] = [resources.scheduled_job(createdBy={"name": "ci-bot"})]
    world.jobs["acme"] = [resources.job("a" * 24), resources.job("b" * 24, status={"stage": "RUNNING"})]
    assert rules(org) == {
        "org-departed-member": f"alice is not a member, but owns Job {'b' * 24}, scheduled Job {'c' * 24}"
    }
    org.double.fails(r"/service-accounts$", error(403, "Forbidden"), always=True)
    found = read(org)
    assert found.problems == ()
    assert any("can be service accounts: alice, ci-bot" in entry.reason for entry in found.skipped)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"enforceIpRestriction": False}, "org-network-not-enforced"),
        ({"enforceIpRestriction": False, "ipRanges": []}, "org-network-not-enforced"),
        ({"ipRanges": ["203.0.113.0/24", "0.0.0.0/0"]}, "org-network-open-range"),
        ({"ipRanges": ["0.0.0.0/1", "128.0.0.0/1"]}, "org-network-open-range"),
        ({"ipRanges": ["::/0"]}, "org-network-open-range"),
        ({"ipRanges": ["2001:db8::/32"]}, None),
    ],
)
def test_network_rules_that_do_not_restrict_are_found(
    org: Organization, change: dict[str, object], rule: str | None
) -> None:
    org.double.world.members["acme"] = [resources.member("root", "admin")]
    org.double.world.network_security["acme"] = change
    assert list(rules(org)) == ([rule] if rule else [])


def test_resource_groups_that_everyone_joins_with_write_access_are_found(org: Organization) -> None:
    org.double.world.members["acme"] = [resources.member("root", "admin")]
    group = {"id": "1" * 24, "name": "all", "users": [], "resources": [], "repos": []}
    join = {"enabled": True, "role": "admin", "scope": "all"}
    org.double.world.resource_groups["acme"] = [group, {**group, "name": "open", "autoJoin": join}]
    assert rules(org) == {"org-group-auto-join": "every new member joins the resource group open with the role admin"}


def test_access_requests_that_nobody_answers_are_counted_without_names(org: Organization) -> None:
    org.double.world.members["acme"] = [resources.member("root", "admin")]
    org.double.world.add_repo("acme/gated", gated="manual")
    request = {"status": "pending", "timestamp": "2026-11-20T00:00:00.000Z"}
    org.double.world.access_requests["acme/gated"] = [request]
    assert rules(org) == {}
    org.double.world.access_requests["acme/gated"].append({**request, "timestamp": "2026-08-01T00:00:00.000Z"})
    (problem,) = read(org).problems
    assert (problem.rule, problem.target) == ("repo-access-requests-pending", "models/acme/gated")
    assert problem.message == "2 access requests pending, the oldest for 119 days"
    org.double.fails(r"/user-access-request/", error(403, "Forbidden"), always=True)
    assert any("acme/gated" in each.reason and "repo.access.read" in each.reason for each in read(org).skipped)


def test_settings_in_an_unknown_form_are_skipped(org: Organization) -> None:
    org.double.world.members["acme"] = [resources.member("root", "admin")]
    org.double.world.network_security["acme"] = {"ipRanges": ["everything"], "enforceIpRestriction": True}
    assert [entry.reason for entry in read(org).skipped] == ["the IP range 'everything' can't be read"]
    org.double.world.network_security["acme"] = {"ipRanges": None}
    assert [entry.reason for entry in read(org).skipped] == ["the Hub returned them in an unknown format"]
