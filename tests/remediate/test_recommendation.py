"""What is put in a credential's place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from tests.support.mint import Mint
from tokenaudit.model import (
    Account,
    Credential,
    Entity,
    Evidence,
    Grant,
    Inspection,
    Location,
    Organization,
    Problem,
    Severity,
)
from tokenaudit.remediate.recommendation import keyless_patch, recommend
from tokenaudit.secret import Secret

MODEL = Entity("model", "acme/m")


def credential(kind: str = "user_token", inspection: Inspection | None = None) -> Credential:
    secret = Secret(Mint(7).user_token())
    return Credential(secret.fingerprint, kind, secret.display, "credential", inspection=inspection)


def inspection(role: str = "write", plan: str | None = None, grants: tuple[Grant, ...] = ()) -> Inspection:
    return Inspection(
        "active",
        datetime(2026, 11, 1, tzinfo=timezone.utc),
        "the Hub answered",
        account=Account("user", "ada"),
        role=role,
        grants=grants,
        orgs=(Organization("acme", "write", plan),),
    )


def write(job: str | None = None, entity: Entity | None = MODEL) -> Evidence:
    return Evidence("repo.write", "needed", "publish.py", 3, 'upload_folder("acme/m")', entity, job=job)


def test_an_uninspected_token_becomes_an_empty_fine_grained_one() -> None:
    found = recommend(credential())
    assert found.replacement == "fine-grained"
    assert found.grants == ()
    assert found.create_url == "https://huggingface.co/settings/tokens/new?tokenType=fineGrained"
    assert found.notes


def test_a_classic_token_is_never_replaced_by_its_like() -> None:
    found = recommend(credential(inspection=inspection("write")))
    assert found.replacement == "fine-grained"
    assert "fineGrained" in (found.create_url or "")


def test_a_fine_grained_token_without_evidence_keeps_its_rights() -> None:
    grants = (Grant(MODEL, ("repo.content.read",)),)
    assert recommend(credential(inspection=inspection("fineGrained", grants=grants))).grants == grants


@pytest.mark.parametrize("kind", ["oauth_token", "oidc_token", "s3_token", "app_token", "oauth_client_secret"])
def test_what_is_no_user_token_gets_words_instead_of_a_link(kind: str) -> None:
    found = recommend(credential(kind))
    assert found.create_url is None
    assert found.notes


def test_public_reads_need_no_token() -> None:
    read = Evidence("repo.content.read", "needed", "a.py", 1, "from_pretrained", MODEL, "public")
    found = recommend(credential(), [read])
    assert found.replacement == "no-token"
    assert any("500 API calls" in n for n in found.notes)


def test_writing_one_repository_from_ci_needs_no_stored_secret() -> None:
    found = recommend(credential(), [write("jobs.publish")])
    assert found.replacement == "trusted-publisher"
    assert found.create_url == "https://huggingface.co/acme/m/settings"
    assert any("HF_OIDC_RESOURCE=acme/m" in n for n in found.notes)


def test_writing_one_repository_from_elsewhere_is_fine_grained() -> None:
    found = recommend(credential(), [write()])
    assert found.replacement == "fine-grained"
    assert found.grants == (Grant(MODEL, ("repo.content.read", "repo.write")),)


def test_gated_reads_in_ci_take_a_user_publisher() -> None:
    read = Evidence("repo.content.read", "needed", "a.py", 1, "from_pretrained", MODEL, "gated", job="jobs.t")
    found = recommend(credential(), [read])
    assert found.replacement == "trusted-publisher"
    assert (found.create_url or "").endswith("settings/authentication#ci-cd-access")


def test_an_enterprise_organization_gets_a_service_account_for_several_repositories() -> None:
    other = write("jobs.publish", Entity("dataset", "acme/d"))
    found = recommend(credential(inspection=inspection(plan="enterprise")), [write("jobs.publish"), other])
    assert found.replacement == "service-account"
    assert found.create_url


def test_several_repositories_without_enterprise_are_fine_grained() -> None:
    other = write("jobs.publish", Entity("dataset", "acme/d"))
    found = recommend(credential(inspection=inspection(plan="team")), [write("jobs.publish"), other])
    assert found.replacement == "fine-grained"


def test_creation_that_may_happen_does_not_grant_the_namespace() -> None:
    create = Evidence("repo.write", "perhaps", "a.py", 2, "create_repo", Entity("namespace", "acme"))
    found = recommend(credential(inspection=inspection()), [write(), create])
    assert [g.entity for g in found.grants] == [MODEL]
    assert any("contributor permission" in n for n in found.notes)


def test_a_name_without_namespace_is_the_accounts_own() -> None:
    found = recommend(credential(inspection=inspection()), [write(entity=Entity("model", "m"))])
    assert found.grants[0].entity == Entity("model", "ada/m")


@pytest.mark.parametrize("what", ["create_pull_request", "upload_folder(create_pr=True)"])
def test_a_discussion_in_a_repository_of_somebody_else_takes_the_global_right(what: str) -> None:
    def discusses(name: str) -> Evidence:
        return Evidence("discussion.write", "needed", "a.py", 1, what, Entity("model", name))

    everywhere = Grant(Entity("global"), ("discussion.write",))
    found = recommend(credential(inspection=inspection()), [discusses("someone/m")])
    assert found.grants == (everywhere,)
    assert "globalPermissions=discussion.write" in (found.create_url or "")
    for own in ("ada/m", "acme/m"):
        found = recommend(credential(inspection=inspection()), [discusses(own)])
        assert found.grants == (Grant(Entity("model", own), ("discussion.write",)),)
    found = recommend(credential(inspection=inspection()), [write(), discusses("acme/m"), discusses("someone/m")])
    assert found.grants == (everywhere, Grant(MODEL, ("discussion.write", "repo.content.read", "repo.write")))


def test_whose_repository_it_is_has_to_be_known() -> None:
    found = recommend(credential(), [Evidence("discussion.write", "needed", "a.py", 1, "x", Entity("model", "x/m"))])
    assert found.grants == (Grant(Entity("model", "x/m"), ("discussion.write",)),)
    assert any("model x/m, if it belongs to another account" in note for note in found.notes)


def test_a_need_the_code_does_not_name_is_said_and_not_guessed() -> None:
    found = recommend(credential(), [write("jobs.a", None)])
    assert found.grants == ()
    assert found.replacement == "fine-grained"
    assert any("publish.py:3" in n for n in found.notes)


def test_consumers_are_told_apart() -> None:
    found = recommend(credential(), [write("jobs.a"), write("jobs.b")])
    assert any("one token per consumer" in n for n in found.notes)


def test_the_one_keyless_patch_of_the_same_place_comes_with_it() -> None:
    def problem(target: str, patch: str, rule: str = "ci-could-be-keyless") -> Problem:
        return Problem(rule, Severity.LOW, target, "w.yml", 1, 1, "j", "HF_TOKEN", "m", "r", patch=patch)

    found = replace(credential(), locations=(Location("tree", "here"),))
    assert keyless_patch(found, [problem("here", "a"), problem("there", "b")]) == "a"
    assert keyless_patch(found, [problem("here", "a"), problem("here", "b")]) is None
    assert keyless_patch(found, [problem("here", "a", "ci-unpinned-action")]) is None
