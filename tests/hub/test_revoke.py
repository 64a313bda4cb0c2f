"""Revocation: what is sent, where to, and what is said of the rest."""

from __future__ import annotations

import http.client
import logging

import pytest

from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error, rate_limited, redirect
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.result import Failure
from tokenaudit.hub.revoke import revoke
from tokenaudit.secret import Secret

PATH = "/api/credentials/revoke"


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    retry_policy = RetryPolicy(attempts=2)
    return Hub(hub_double.endpoint, retry_policy=retry_policy, sleep=lambda _seconds: None)


def test_a_revoked_token_is_dead(hub: Hub, hub_double: HubDouble) -> None:
    secret = Secret(hub_double.knows(Mint(1).user_token()))
    outcome = revoke(hub, [secret, secret])
    assert outcome.accepted == (secret.fingerprint,)
    assert outcome.left_out == ()
    (request,) = hub_double.requests
    assert (request.method, request.path) == ("POST", PATH)
    assert "authorization" not in request.headers
    assert hub_double.world.revoked == [[secret.reveal()]]
    assert isinstance(hub.whoami(secret), Failure)


def test_batches_hold_at_most_a_thousand(hub: Hub, hub_double: HubDouble) -> None:
    mint = Mint(2)
    outcome = revoke(hub, [Secret(mint.user_token()) for _ in range(2001)])
    assert [len(batch) for batch in hub_double.world.revoked] == [1000, 1000, 1]
    assert len(outcome.accepted) == 2001


def test_values_that_the_hub_can_not_take_are_left_out_and_said(hub: Hub, hub_double: HubDouble) -> None:
    mint = Mint(3)
    jwt, fits, empty = (Secret(value) for value in (mint.oauth_token(), "x" * 200, ""))
    outcome = revoke(hub, [jwt, fits, empty])
    assert outcome.accepted == (fits.fingerprint,)
    assert [fingerprint for fingerprint, _ in outcome.left_out] == [jwt.fingerprint, empty.fingerprint]
    assert all("200 characters" in reason for _, reason in outcome.left_out)
    assert hub_double.world.revoked == [["x" * 200]]


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (error(500, "Internal Error"), 2),
        (rate_limited(0, 5), 2),
        (Fault(behaviour="reset"), 2),
        (Fault(behaviour="hang"), 2),
        (Fault(behaviour="drip-headers"), 2),
        (error(400, "Bad request"), 1),
        (Fault(200, body=b"{}"), 1),
        (redirect("/elsewhere", 307), 1),
    ],
)
def test_what_was_not_accepted_is_never_called_revoked(
    hub: Hub, hub_double: HubDouble, fault: Fault, requests: int
) -> None:
    hub_double.fails(PATH, fault, always=True)
    if fault.behaviour in ("hang", "drip-headers"):
        hub.timeout, hub.deadline = 0.3, 0.6
    secret = Secret(Mint(4).user_token())
    outcome = revoke(hub, [secret])
    assert outcome.accepted == ()
    assert outcome.left_out[0][0] == secret.fingerprint
    assert hub_double.count(PATH) == requests
    assert hub_double.count("/elsewhere") == 0


def test_values_never_leave_for_another_place(hub: Hub, hub_double: HubDouble) -> None:
    with HubDouble() as stranger:
        hub_double.fails(PATH, redirect(stranger.endpoint + PATH, 307))
        revoke(hub, [Secret(Mint(5).user_token())])
        assert stranger.requests == []


def test_after_a_batch_that_failed_no_further_one_is_sent(hub: Hub, hub_double: HubDouble) -> None:
    hub_double.fails(PATH, error(403, "Forbidden"))
    mint = Mint(6)
    outcome = revoke(hub, [Secret(mint.user_token()) for _ in range(1500)])
    assert outcome.accepted == ()
    assert len(outcome.left_out) == 1500
    assert hub_double.count(PATH) == 1


def test_no_log_shows_a_value(
    hub: Hub,
    hub_double: HubDouble,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    value = hub_double.knows(Mint(7).user_token())
    assert revoke(hub, [Secret(value)]).accepted
    captured = capfd.readouterr()
    assert value not in captured.out + captured.err + caplog.text
