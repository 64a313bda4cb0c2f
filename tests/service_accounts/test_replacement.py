"""`rotate FINGERPRINT` creates the new token in a service account; `plan` offers it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.hub import bodies
from tests.hub.routes_service_accounts import service_account
from tests.service_accounts.conftest import Organization, now
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.model import Credential, Entity, Evidence, Grant, Inspection, Recommendation
from tokenaudit.model import Organization as HubOrganization
from tokenaudit.remediate.consumers import ConsumerError
from tokenaudit.remediate.recommendation import recommend
from tokenaudit.remediate.revocation import SecretValues
from tokenaudit.remediate.rotation.journal import HaltedError, Record
from tokenaudit.remediate.rotation.runner import Rotation
from tokenaudit.remediate.rotation.setup import KnownValues, RotationContext, RotationRequest, begin
from tokenaudit.remediate.runbook import Mode
from tokenaudit.secret import Secret
from tokenaudit.service_accounts.replacement import service_account_maker

WANTED = (Grant(Entity("model", "acme/m"), ("repo.content.read",)),)


class KilledError(BaseException):
    """The process is gone."""


@pytest.fixture
def leaked(org: Organization) -> Secret:
    """A classic token of a member, in a `.env` file and a GitHub secret."""
    value = org.double.knows(
        Mint("leaked").user_token(), bodies.classic("write", name="alice", orgs=[bodies.org(role="write")])
    )
    (org.home / ".env").write_text(f"HF_TOKEN={value}\n")
    org.github.secrets["repos/acme/app/actions/secrets"]["HF_TOKEN"].value = value
    return Secret(value)


def rotation(
    org: Organization,
    old: Secret,
    *,
    account: str | None = "acme/ci",
    advice: Recommendation | None = None,
    grants: tuple[str, ...] = ("repo.content.read@model:acme/m",),
    mode: Mode = "planned",
) -> Rotation:
    grants = () if advice is not None else grants
    consumers = (f"dotenv:{org.home}/.env#HF_TOKEN", "github-secret:acme/app#HF_TOKEN")
    request = RotationRequest(
        old.fingerprint, consumers, grants, mode, journal=org.home / "rotation.json", service_account=account
    )
    around = RotationContext(
        org.hub, Detector.load(), org.environment, org.said.append, lambda _what, _phrase: True, now, None,
        lambda organization, name: service_account_maker(org.hub, organization, name, org.said.append, now),
    )  # fmt: skip
    started = begin(request, KnownValues(SecretValues((old,)), (old,), advice), around, None)
    started.waits = (0.0, 1.0)
    return started


def held(org: Organization) -> list[str]:
    return [
        (org.home / ".env").read_text().strip().partition("=")[2],
        org.github.secrets["repos/acme/app/actions/secrets"]["HF_TOKEN"].value,
    ]


def finished(org: Organization, old: Secret, record: Record) -> bool:
    return record.finished_at is not None and old.reveal() not in org.double.world.tokens


def test_the_new_token_is_created_by_the_api_and_the_old_one_revoked(org: Organization, leaked: Secret) -> None:
    assert finished(org, leaked, rotation(org, leaked).run())
    assert held(org) == [org.values[0]] * 2
    created = org.account["accessTokens"][-1]
    assert created["displayName"] == f"replaces {leaked.display} {leaked.fingerprint[:12]}"
    assert created["repoPermissions"] == ["repo.content.read"]
    assert not any(value in "".join(org.said) for value in (*org.values, leaked.reveal()))


def test_the_advice_of_a_scan_chooses_the_only_account(org: Organization, leaked: Secret) -> None:
    advice = Recommendation("service-account", WANTED)
    assert finished(org, leaked, rotation(org, leaked, account=None, advice=advice).run())
    assert held(org) == [org.values[0]] * 2


def test_several_accounts_are_named_and_wrong_ones_refused(org: Organization, leaked: Secret) -> None:
    org.double.world.service_accounts["acme"].append(service_account("other", 2))
    advice = Recommendation("service-account", WANTED)
    assert rotation(org, leaked, account=None, advice=advice).maker is None
    assert "choose the service account with --service-account acme/ACCOUNT: it has ci, other" in org.said[-1]
    for wrong in ("acme", "acme/", "/ci", "acme/nobody"):
        with pytest.raises(UsageError):
            rotation(org, leaked, account=wrong)
    assert org.changes == []


@pytest.mark.parametrize("mode", ["planned", "breach"])
def test_grants_that_the_api_can_not_express_revoke_nothing(org: Organization, leaked: Secret, mode: Mode) -> None:
    unlike = ("repo.content.read@model:acme/m", "repo.write@dataset:acme/d")
    with pytest.raises(UsageError, match="acme/d"):
        rotation(org, leaked, grants=unlike, mode=mode).run()
    assert leaked.reveal() in org.double.world.tokens
    assert held(org) == [leaked.reveal()] * 2
    assert org.changes == []


def test_a_breach_creates_no_token_that_a_consumer_can_not_take(org: Organization, leaked: Secret) -> None:
    """The value of a created token is shown only once."""
    os.link(org.home / ".env", org.home / "copy")
    with pytest.raises(ConsumerError, match="several hard links"):
        rotation(org, leaked, mode="breach").run()
    assert leaked.reveal() not in org.double.world.tokens
    assert org.values == []
    (org.home / "copy").unlink()
    assert finished(org, leaked, rotation(org, leaked, mode="breach").run())
    assert held(org) == [org.values[0]] * 2


@pytest.mark.parametrize("at", ["_move", "_restart", "_revoke", "_verify_revocation"])
def test_an_interrupted_rotation_delivers_a_second_token_and_deletes_the_first(
    org: Organization, leaked: Secret, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    original: Callable[..., object] = getattr(Rotation, at)
    calls = 0

    def killed(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if at == "_move" and calls == 1:
            return original(*arguments)  # the first consumer gets the first token
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Rotation, at, killed)
        with pytest.raises(KilledError):
            rotation(org, leaked).run()
    assert finished(org, leaked, rotation(org, leaked).run())
    assert held(org) == [org.values[-1]] * 2
    assert len(org.values) == 2
    assert [value in org.double.world.tokens for value in org.values] == [False, True]


def test_rights_that_the_api_can_not_give_stop_the_rotation(org: Organization, leaked: Secret) -> None:
    started = rotation(org, leaked)
    started.wanted = (Grant(Entity("model", "acme/m"), ("discussion.write",)),)
    with pytest.raises(UsageError, match=r"can't have discussion\.write on one repository"):
        started.run()
    org.double.knows(org.own, bodies.classic("write", orgs=[bodies.org(role="write")]))
    with pytest.raises(HaltedError, match=r"needs org\.serviceAccounts\.read on acme"):
        rotation(org, leaked)
    assert held(org) == [leaked.reveal()] * 2
    assert leaked.reveal() in org.double.world.tokens


def evidence(name: str, need: str = "repo.content.read") -> Evidence:
    return Evidence(need, "needed", "ci.yml", 3, "snapshot_download", Entity("model", name), "hidden", job="build")


@pytest.mark.parametrize(
    ("plan", "needs", "replacement"),
    [
        ("enterprise", ["repo.content.read", "repo.content.read"], "service-account"),
        ("plus", ["repo.content.read", "repo.write"], "service-account"),
        ("team", ["repo.content.read", "repo.content.read"], "fine-grained"),
        ("enterprise", ["repo.content.read", "discussion.write"], "fine-grained"),
    ],
)
def test_a_plan_offers_what_the_api_can_create(plan: str, needs: list[str], replacement: str) -> None:
    inspection = Inspection("active", now(), "", role="write", orgs=(HubOrganization("acme", "write", plan),))
    credential = Credential("f" * 32, "user_token", "hf_****AAAA", "credential", inspection=inspection)
    found = recommend(credential, [evidence(f"acme/{number}", need) for number, need in enumerate(needs)])
    assert found.replacement == replacement
    command = "tokenaudit service-accounts create-token acme ACCOUNT --plan PLAN.json"
    assert any(command in note for note in found.notes) == (replacement == "service-account")
    assert any("one list of permissions" in note for note in found.notes) == (plan == "plus")
