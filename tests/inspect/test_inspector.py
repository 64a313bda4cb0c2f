"""Who each credential is, asked once each and never guessed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import repeat

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import INVALID, Fault, error, html, rate_limited, redirect
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.inspect import inspect_credentials
from tokenaudit.model import Inspection
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    retry_policy = RetryPolicy(attempts=2)
    return Hub(hub_double.endpoint, retry_policy=retry_policy, sleep=lambda _seconds: None)


def ask(hub: Hub, *credentials: tuple[str, str]) -> list[Inspection]:
    secrets = [(kind, Secret(value)) for kind, value in credentials]
    return [inspection for _, inspection in inspect_credentials(secrets, hub, now=lambda: NOW)]


def test_each_unique_credential_is_asked_about_once_in_order(hub: Hub, hub_double: HubDouble) -> None:
    mint = Mint(5)
    first, second = (hub_double.knows(mint.user_token(), bodies.classic(role)) for role in ("read", "write"))
    secrets = [("user_token", Secret(value)) for value in (first, second, first, second, first)]
    found = list(inspect_credentials(secrets, hub, now=lambda: NOW))
    assert [fingerprint for fingerprint, _ in found] == [Secret(first).fingerprint, Secret(second).fingerprint]
    assert [inspection.role for _, inspection in found] == ["read", "write"]
    assert [request.token for request in hub_double.requests] == [first, second]


@pytest.mark.parametrize(
    ("fault", "status", "requests"),
    [
        (error(401, INVALID), "invalid", 1),
        (error(401, f"{INVALID}."), "invalid", 1),
        (error(401, 'User Access Token "laptop" is expired'), "expired", 1),
        (error(401, "Invalid username or password."), "unknown", 1),
        (error(401, "Your session has expired"), "unknown", 1),
        (error(401, "Please sign in"), "unknown", 1),
        (html(401, INVALID), "unknown", 1),
        (Fault(401), "unknown", 1),
        (error(403, "Due to the organization token policy, your token needs to be approved"), "unknown", 1),
        (error(403, "Your token has been revoked by the organization administrator"), "unknown", 1),
        (error(404, "Not found"), "unknown", 1),
        (error(407, INVALID), "unknown", 1),
        (rate_limited(0, 5), "unknown", 2),
        (rate_limited(471, 212), "unknown", 2),
        (error(500, INVALID), "unknown", 2),
        (html(502), "unknown", 2),
        (error(503, "Unavailable"), "unknown", 2),
        (Fault(504), "unknown", 2),
        (redirect("https://example.com/login"), "unknown", 1),
        (redirect("/login"), "unknown", 1),
        (html(200, "Sign in"), "unknown", 2),
        (Fault(200, body=b'{"type": "user", "na'), "unknown", 2),
        (Fault(200, body=b'{"type": "user", "id": "1"}'), "unknown", 1),
        (Fault(behaviour="reset"), "unknown", 2),
        (Fault(behaviour="hang"), "unknown", 2),
        (Fault(200, body=b"{", behaviour="truncate"), "unknown", 2),
        (Fault(200, behaviour="drip-body"), "unknown", 2),
        (Fault(behaviour="drip-headers"), "unknown", 2),
    ],
)
def test_only_the_hubs_own_words_make_a_credential_dead(
    hub: Hub, hub_double: HubDouble, fault: Fault, status: str, requests: int
) -> None:
    value = hub_double.knows(Mint(6).user_token())
    hub_double.fails("whoami", fault, always=True)
    if fault.behaviour in ("hang", "drip-body", "drip-headers"):
        hub.timeout, hub.deadline = 0.3, 0.6
    (inspection,) = ask(hub, ("user_token", value))
    assert inspection.status == status
    assert inspection.reason
    assert value not in repr(inspection)
    assert hub_double.count("whoami") == requests


def test_an_expired_jwt_is_not_sent(hub: Hub, hub_double: HubDouble) -> None:
    past = (NOW - timedelta(minutes=1)).timestamp()
    mint = Mint(7)
    made = [
        (kind, make({"exp": past}))
        for kind, make in (("oauth_token", mint.oauth_token), ("oidc_token", mint.oidc_token))
    ]
    assert [inspection.status for inspection in ask(hub, *made)] == ["expired", "expired"]
    assert hub_double.requests == []


@pytest.mark.parametrize("kind", ["oauth_client_secret", "oauth_refresh_token", "webhook_secret", "aws_key"])
def test_what_is_no_bearer_token_is_sent_nowhere(hub: Hub, hub_double: HubDouble, kind: str) -> None:
    (inspection,) = ask(hub, (kind, Mint(8).client_secret()))
    assert inspection.status == "unknown"
    assert hub_double.requests == []


def test_a_refusal_proves_nothing_for_kinds_that_whoami_may_not_know(hub: Hub) -> None:
    mint = Mint(9)
    found = ask(
        hub, ("oidc_token", mint.oidc_token()), ("s3_token", mint.s3_token()), ("oauth_token", mint.oauth_token())
    )
    assert [inspection.status for inspection in found] == ["unknown", "unknown", "invalid"]


def test_a_hub_that_leaves_three_in_a_row_unanswered_is_left_alone(hub: Hub, hub_double: HubDouble) -> None:
    mint = Mint(10)
    hub_double.fails("whoami", *repeat(error(503, "Unavailable"), 6), always=True)
    found = ask(hub, *(("user_token", mint.user_token()) for _ in range(20)))
    assert {inspection.status for inspection in found} == {"unknown"}
    assert len(found) == 20
    assert hub_double.count("whoami") <= 6


def test_the_endpoint_is_part_of_the_answer(hub: Hub, hub_double: HubDouble) -> None:
    (inspection,) = ask(hub, ("user_token", Mint(11).user_token()))
    assert inspection.endpoint == hub_double.endpoint
