"""Spaces' settings and repositories' doors."""

from __future__ import annotations

import logging

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import error
from tests.support.mint import Mint
from tokenaudit.hub import repo_access, spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.secret import Secret


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    return Hub(hub_double.endpoint, retry_policy=RetryPolicy(attempts=1), auditor_token=False)


@pytest.fixture
def owner(hub_double: HubDouble) -> Secret:
    return Secret(hub_double.knows(Mint(1).user_token(), bodies.classic("write")))


def test_variables_come_with_masked_values_and_secrets_without(hub: Hub, hub_double: HubDouble, owner: Secret) -> None:
    value = Mint(2).user_token()
    hub_double.world.add_space(
        "alice/app", variables={"TOKEN": value}, secrets={"HF_TOKEN": "2026-01-01T00:00:00.000Z"}
    )
    found = spaces.variables(hub, "alice/app", owner)
    assert not isinstance(found, Failure)
    assert [(row.name, row.value) for row in found] == [("TOKEN", Secret(value))]
    assert value not in repr(found)
    names = spaces.secret_names(hub, "alice/app", owner)
    assert not isinstance(names, Failure)
    assert names[0].name == "HF_TOKEN"
    assert names[0].updated_at is not None


def test_a_secret_is_set_and_shows_a_new_time(
    hub: Hub, hub_double: HubDouble, owner: Secret, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("huggingface_hub.constants.HF_DEBUG", True)
    space = hub_double.world.add_space("alice/app", secrets={"HF_TOKEN": "2026-01-01T00:00:00.000Z"})
    hub_double.world.moment = lambda: "2026-11-02T00:00:00.000Z"
    value = Secret(Mint(3).user_token())
    assert isinstance(spaces.set_secret(hub, "alice/app", "HF_TOKEN", value, secret=owner), Reply)
    assert space.secret_values == {"HF_TOKEN": value.reveal()}
    names = spaces.secret_names(hub, "alice/app", owner)
    assert not isinstance(names, Failure)
    assert names[0].updated_at is not None
    assert names[0].updated_at.month == 11
    assert value.reveal() not in caplog.text
    assert owner.reveal() not in caplog.text


def test_a_variable_is_deleted_and_the_space_restarted(hub: Hub, hub_double: HubDouble, owner: Secret) -> None:
    space = hub_double.world.add_space("alice/app", variables={"TOKEN": "x"})
    assert isinstance(spaces.delete_variable(hub, "alice/app", "TOKEN", secret=owner), Reply)
    assert space.variables == {}
    assert spaces.restart(hub, "alice/app", secret=owner) == Reply(200, "RUNNING")
    assert space.restarts == 1
    assert spaces.stage(hub, "alice/app", secret=owner) == Reply(200, "RUNNING")


def test_a_stranger_sees_no_settings(hub: Hub, hub_double: HubDouble) -> None:
    hub_double.world.add_space("alice/app", variables={"TOKEN": "x"})
    stranger = Secret(hub_double.knows(Mint(4).user_token(), bodies.classic("write", name="bob")))
    for refused in (spaces.variables(hub, "alice/app", stranger), spaces.secret_names(hub, "alice/app", stranger)):
        assert isinstance(refused, Failure)
        assert refused.status == 403


def test_a_narrow_token_opens_its_own_repository_only(hub: Hub, hub_double: HubDouble) -> None:
    hub_double.world.add_repo("acme/private-model", visibility="private")
    hub_double.world.add_repo("acme/other", visibility="private")
    token = Secret(hub_double.knows(Mint(5).user_token(), bodies.one_model_read(orgs=[bodies.org()])))
    assert repo_access.auth_check(hub, "acme/private-model", "model", token).allowed is True
    assert repo_access.auth_check(hub, "acme/private-model", "model", token, write=True).allowed is False
    assert repo_access.auth_check(hub, "acme/other", "model", token).allowed is False
    assert [request.method for request in hub_double.requests] == ["GET"] * 3


def test_no_answer_is_neither_yes_nor_no(hub: Hub, hub_double: HubDouble, owner: Secret) -> None:
    hub_double.fails("auth-check", error(503, "Unavailable"), always=True)
    assert repo_access.auth_check(hub, "acme/m", "model", owner).allowed is None


@pytest.mark.parametrize(
    ("made", "expected"),
    [({}, "public"), ({"gated": "auto"}, "gated"), ({"visibility": "private"}, "hidden"), (None, "hidden")],
)
@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_visibility_is_asked_as_a_stranger(
    hub: Hub,
    hub_double: HubDouble,
    made: dict[str, str] | None,
    expected: str,
    repo_type: repo_access.GitRepoType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", Mint(6).user_token())
    if made is not None:
        hub_double.world.add_repo("acme/thing", repo_type, **made)
    assert repo_access.visibility(hub, "acme/thing", repo_type)[0] == expected
    assert [request.token for request in hub_double.requests] == [None]


def test_a_repository_name_can_not_lead_elsewhere(hub: Hub, hub_double: HubDouble, owner: Secret) -> None:
    access = repo_access.auth_check(hub, "../../api/settings", "model", owner)
    assert access.allowed is None
    assert hub_double.requests == []
