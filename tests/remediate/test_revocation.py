"""Revocation: what is refused, what is sent, and what counts as proof."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.remediate.revocation import (
    RevocationCandidate,
    candidates,
    chosen,
    of_lines,
    phrase,
    preview,
    recognised,
    revoke_all,
    revoke_all_in_organization,
    together,
)
from tokenaudit.secret import Secret

WHOAMI = "/api/whoami-v2"
REVOKE = "/api/credentials/revoke"


def now() -> datetime:
    return datetime(2026, 11, 1, tzinfo=timezone.utc)


def candidate(double: HubDouble, seed: int = 1, body: bodies.Body | None = None) -> RevocationCandidate:
    return RevocationCandidate(Secret(double.knows(Mint(seed).user_token(), body)), "user_token")


def test_only_named_values_are_chosen() -> None:
    mint = Mint(1)
    wanted, other = Secret(mint.user_token()), Secret(mint.user_token())
    assert chosen([wanted.fingerprint], [wanted, other]) == (wanted,)
    assert chosen([wanted.fingerprint[:8].upper(), wanted.fingerprint], [wanted, other]) == (wanted,)


@pytest.mark.parametrize("bad", ["", "abc", "zzzzzzzzzz", "00000000", "hf_"])
def test_a_fingerprint_that_names_nothing_stops_everything(bad: str) -> None:
    with pytest.raises(UsageError):
        chosen([bad], [Secret(Mint(1).user_token())])


def test_one_is_confirmed_by_its_fingerprint_and_several_by_their_number() -> None:
    mint = Mint(11)
    found = [RevocationCandidate(Secret(mint.user_token()), "user_token") for _ in range(3)]
    assert phrase(found[:1]) == f"revoke {found[0].secret.fingerprint[:8]}"
    assert phrase(found) == "revoke 3"


def test_placeholders_and_strangers_are_refused() -> None:
    detector = Detector.load()
    for value in ("hf_" + "x" * 34, "ghp_" + Mint(1).body(36), "hello"):
        with pytest.raises(UsageError, match="nothing was sent"):
            recognised([Secret(value)], detector)
    real = Secret(Mint(3).user_token())
    assert recognised([real], detector) == {real.fingerprint: "user_token"}


def test_a_revoked_credential_is_proven_dead(hub: Hub, hub_double: HubDouble) -> None:
    found = candidate(hub_double)
    (outcome,) = revoke_all([found], hub, now=now)
    assert outcome.result == "revoked"
    assert hub_double.world.revoked == [[found.secret.reveal()]]


def test_an_accepted_request_alone_is_no_success(hub: Hub, hub_double: HubDouble) -> None:
    """The Hub answers 202 to whatever it is sent; a token that lives on is said to."""
    found = candidate(hub_double)
    hub_double.fails(REVOKE, Fault(status=202), always=True)
    (outcome,) = revoke_all([found], hub, now=now, waits=(0, 1))
    assert outcome.result == "alive"


def test_the_proof_is_waited_for(hub: Hub, hub_double: HubDouble) -> None:
    """Limits and server errors are no answer: the question is asked again."""
    found = candidate(hub_double)
    hub_double.fails(WHOAMI, error(503, "busy"), error(503, "busy"), error(503, "busy"), error(503, "busy"))
    (outcome,) = revoke_all([found], hub, now=now)
    assert outcome.result == "revoked"


def test_without_an_answer_there_is_no_proof(hub: Hub, hub_double: HubDouble) -> None:
    found = candidate(hub_double)
    hub_double.fails(WHOAMI, error(503, "busy"), always=True)
    (outcome,) = revoke_all([found], hub, now=now, waits=(0, 1))
    assert outcome.result == "unproven"


def test_what_is_too_long_is_left_out_and_said(hub: Hub, hub_double: HubDouble) -> None:
    jwt = RevocationCandidate(Secret(hub_double.knows(Mint(4).oauth_token())), "oauth_token")
    short = candidate(hub_double)
    long_one, short_one = revoke_all([jwt, short], hub, now=now)
    assert (long_one.result, short_one.result) == ("left-out", "revoked")
    assert "200" in long_one.reason


def test_a_dead_one_is_not_sent(hub: Hub, hub_double: HubDouble) -> None:
    dead = Secret(Mint(5).user_token())
    found = candidates([dead], {dead.fingerprint: "user_token"}, hub, now=now)
    assert phrase(found) == "revoke 0"
    assert revoke_all(found, hub, now=now)[0].result == "already-dead"
    assert hub_double.count(REVOKE) == 0


def test_the_preview_says_whose_it_is_and_shows_no_value(hub: Hub, hub_double: HubDouble) -> None:
    value = hub_double.knows(Mint(6).user_token())
    secret = Secret(value)
    found = candidates([secret], {secret.fingerprint: "user_token"}, hub, now=now)
    text = "\n".join(preview(found, hub.endpoint))
    assert "alice" in text
    assert hub.endpoint in text
    assert value not in text
    assert value[-8:] not in text


@pytest.mark.parametrize(
    ("forms", "token_id", "result"),
    [
        ({"value"}, None, "revoked"),
        ({"id"}, "a" * 24, "revoked"),
        ({"id"}, None, "left-out"),
        (set(), "a" * 24, "left-out"),
    ],
)
def test_both_forms_for_one_organization_are_tried_and_said(
    hub: Hub, hub_double: HubDouble, forms: set[str], token_id: str | None, result: str
) -> None:
    body = bodies.classic("write", orgs=[bodies.org("acme", "write")])
    found = candidate(hub_double, 7, body)
    admin = Secret(hub_double.knows(Mint(8).user_token(), bodies.classic("write", orgs=[bodies.org("acme", "admin")])))
    hub_double.world.organization_forms = frozenset(forms)
    hub_double.world.token_ids["a" * 24] = found.secret.reveal()
    (outcome,) = revoke_all_in_organization([found], hub, "acme", admin=admin, token_id=token_id, now=now)
    assert outcome.result == result
    assert "by value:" in outcome.reason
    assert found.secret.reveal() in hub_double.world.tokens
    if "value" not in forms:
        assert "by id:" in outcome.reason


def test_an_organization_that_is_no_name_is_sent_nothing(hub: Hub, hub_double: HubDouble) -> None:
    found = candidate(hub_double)
    admin = Secret(Mint(9).user_token())
    (outcome,) = revoke_all_in_organization([found], hub, "../x", admin=admin, token_id=None, now=now)
    assert outcome.result == "left-out"
    assert hub_double.requests == []


def test_lines_are_values_and_doubles_count_once() -> None:
    value = Mint(10).user_token().encode()
    found = together(of_lines([value + b"\r\n", b"\n", b"  "]), of_lines([value]))
    assert [s.reveal().encode() for s in found.secrets] == [value]
