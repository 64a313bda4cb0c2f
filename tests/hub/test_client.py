"""The client against a Hub that answers, refuses, limits, fails, lies and stalls."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error, html, rate_limited, redirect
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.repo_listing import visible_repositories
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.secret import Secret


class Clock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(hub_double: HubDouble, clock: Clock) -> Hub:
    return Hub(hub_double.endpoint, clock=clock, sleep=clock.sleep)


@pytest.fixture
def token() -> Secret:
    return Secret(Mint(6).user_token())


def test_a_live_token_gets_its_answer_in_one_request(hub: Hub, hub_double: HubDouble, token: Secret) -> None:
    body = bodies.classic("read", orgs=[bodies.org()])
    hub_double.knows(token.reveal(), body)
    assert hub.whoami(token) == Reply(200, body)
    assert hub_double.count("/api/whoami-v2") == 1
    assert hub_double.requests[0].token == token.reveal()


def test_an_unknown_token_is_refused_with_the_words_of_the_hub(hub: Hub, hub_double: HubDouble, token: Secret) -> None:
    assert hub.whoami(token) == Failure("refused", 401, "Invalid credentials in Authorization header")
    assert len(hub_double.requests) == 1


@pytest.mark.parametrize(
    ("fault", "trouble", "status"),
    [
        (error(500, "Internal Error"), "server", 500),
        (html(502), "server", 502),
        (error(503, "Unavailable"), "server", 503),
        (Fault(504), "server", 504),
        (rate_limited(471, 212), "limited", 429),
        (html(200, "Sign in"), "malformed", 200),
        (Fault(200, body=b'{"type": "us'), "malformed", 200),
        (Fault(200, behaviour="truncate", body=b'{"type": "user"'), "network", 200),
        (Fault(behaviour="reset"), "network", None),
        (Fault(behaviour="hang"), "timeout", None),
        (Fault(200, behaviour="drip-body"), "timeout", 200),
        (Fault(behaviour="drip-headers"), "timeout", None),
        (Fault(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"), "malformed", 200),
    ],
    ids=lambda value: getattr(value, "behaviour", None),
)
def test_passing_trouble_is_retried_and_then_named(
    hub: Hub, hub_double: HubDouble, token: Secret, fault: Fault, trouble: str, status: int | None
) -> None:
    hub.rate_limiter.retry_policy = RetryPolicy(attempts=2)
    hub.timeout, hub.deadline = (0.4, 0.8) if trouble == "timeout" else (10, 30)
    hub_double.knows(token.reveal())
    hub_double.fails("whoami", fault, always=True)
    answer = hub.whoami(token)
    assert isinstance(answer, Failure)
    assert (answer.kind, answer.status, answer.attempts) == (trouble, status, 2)
    assert hub_double.count("whoami") == 2


def test_trouble_that_passes_is_no_trouble(hub: Hub, hub_double: HubDouble, token: Secret, clock: Clock) -> None:
    hub_double.knows(token.reveal())
    hub_double.fails("whoami", error(503, "Unavailable"), Fault(behaviour="reset"), html(502))
    assert isinstance(hub.whoami(token), Reply)
    assert hub_double.count("whoami") == 4
    assert len(clock.slept) == 3
    assert all(later > earlier for earlier, later in pairwise(clock.slept))


@pytest.mark.parametrize("fault", [error(403, "Forbidden"), error(404, "Not found"), error(400, "Bad request")])
def test_a_refusal_is_not_asked_again(hub: Hub, hub_double: HubDouble, token: Secret, fault: Fault) -> None:
    hub_double.fails("whoami", fault, always=True)
    answer = hub.whoami(token)
    assert isinstance(answer, Failure)
    assert (answer.kind, answer.status) == ("refused", fault.status)
    assert hub_double.count("whoami") == 1


def test_an_exhausted_window_is_slept_out_once(hub: Hub, hub_double: HubDouble, token: Secret, clock: Clock) -> None:
    hub_double.knows(token.reveal())
    hub_double.fails("whoami", rate_limited(0, 55, retry_after=55))
    notes: list[str] = []
    assert isinstance(hub.whoami(token, notes.append), Reply)
    assert clock.slept == [56]
    assert notes == ["rate limit of the Hub: waiting 56 s"]


def test_a_window_used_up_by_a_success_is_waited_for_before_the_next_question(
    hub: Hub, hub_double: HubDouble, token: Secret, clock: Clock
) -> None:
    hub_double.knows(token.reveal())
    hub_double.server.extra_headers = lambda _request: {"RateLimit": '"api";r=0;t=30'}
    hub.whoami(token)
    assert clock.slept == []
    hub.whoami(token)
    assert clock.slept == [31]
    assert hub_double.count("whoami") == 2


@pytest.mark.parametrize("reset", [999_999, 10**8])
def test_a_wait_beyond_all_patience_is_not_waited(
    hub: Hub, hub_double: HubDouble, token: Secret, clock: Clock, reset: int
) -> None:
    hub_double.fails("whoami", rate_limited(0, reset), always=True)
    assert isinstance(hub.whoami(token), Failure)
    second = hub.whoami(token)
    assert isinstance(second, Failure)
    assert second.kind == "limited"
    assert hub_double.count("whoami") == 1
    assert clock.slept == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_origin_is_never_followed(
    hub: Hub, hub_double: HubDouble, token: Secret, status: int
) -> None:
    with HubDouble() as stranger:
        hub_double.fails("whoami", redirect(f"{stranger.endpoint}/api/whoami-v2", status))
        answer = hub.whoami(token)
        assert isinstance(answer, Failure)
        assert answer.kind == "redirect"
        assert stranger.requests == []
    assert hub_double.count("whoami") == 1


def test_a_redirect_loop_on_the_same_origin_ends(hub: Hub, hub_double: HubDouble, token: Secret) -> None:
    hub_double.fails("whoami", redirect("/api/whoami-v2"), always=True)
    answer = hub.whoami(token)
    assert isinstance(answer, Failure)
    assert hub_double.count("whoami") <= 25


def test_the_machines_own_token_is_never_used(hub: Hub, hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", Mint(1).user_token())
    hub_double.world.add_repo("acme/m")
    assert isinstance(hub.ask(lambda api, token: api.model_info("acme/m", token=token), None), Reply)
    assert isinstance(hub.get("/api/models/acme/m", None), Reply)
    assert [request.token for request in hub_double.requests] == [None, None]


@pytest.mark.parametrize("make", [lambda: "hf_" + "ä" * 34, lambda: "hf_a\nb", lambda: "x" * 20_000])
def test_what_no_header_can_carry_is_not_sent(hub: Hub, hub_double: HubDouble, make: Callable[[], str]) -> None:
    answer = hub.whoami(Secret(make()))
    assert isinstance(answer, Failure)
    assert answer.kind == "not-asked"
    assert hub_double.requests == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_hub_that_echoes_what_it_got_does_not_get_it_into_an_answer(
    hub: Hub, hub_double: HubDouble, token: Secret, status: int
) -> None:
    other = Mint(7).user_token()
    hub_double.fails("whoami", error(status, f"bad token {token.reveal()}, try {other}"))
    hub_double.fails("whoami", Fault(status, body=f'{{"error": "bad token {token.reveal()}"}}'.encode()))
    for _ in range(2):
        answer = hub.whoami(token)
        assert isinstance(answer, Failure)
        assert "bad token hf_****" in answer.message
        assert token.reveal() not in repr(answer)
        assert other not in repr(answer)


def test_no_connection_is_said_without_the_value(token: Secret, clock: Clock) -> None:
    with HubDouble() as gone:
        endpoint = gone.endpoint
    answer = Hub(endpoint, clock=clock, sleep=clock.sleep).whoami(token)
    assert isinstance(answer, Failure)
    assert answer.kind == "unreachable"
    assert token.reveal() not in repr(answer)


def test_nothing_that_holds_the_request_survives_a_failure(
    hub: Hub, hub_double: HubDouble, token: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    value = token.reveal()
    hub_double.fails("whoami", error(403, "Forbidden"), html(502), Fault(behaviour="reset"))
    answers = [hub.whoami(token) for _ in range(2)]
    assert value not in repr(answers)
    assert value not in caplog.text
    gc.collect()
    held = [thing for thing in gc.get_objects() if isinstance(thing, BaseException) and hasattr(thing, "response")]
    assert not held


def test_offline_mode_is_said(hub: Hub, hub_double: HubDouble, token: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    answer = hub.whoami(token)
    assert isinstance(answer, Failure)
    assert answer.kind == "offline"
    assert hub_double.requests == []


def test_a_listing_continues_after_trouble_at_the_page_that_failed(hub_double: HubDouble, token: Secret) -> None:
    hub_double.knows(token.reveal())
    hub_double.world.page_size = 2
    for number in range(5):
        hub_double.world.add_repo(f"alice/m{number}", visibility="private")
    hub = Hub(hub_double.endpoint)
    hub_double.fails("settings/repositories$", error(503, "Unavailable", Retry_After="0"))
    found = visible_repositories(hub, None, token, limit=10)
    assert not isinstance(found, Failure)
    assert [repo.id for repo in found] == [f"alice/m{number}" for number in range(5)]
    assert not found.incomplete
    assert hub_double.count("settings/repositories") == 4


def test_another_user_of_the_library_is_left_alone(hub: Hub, hub_double: HubDouble, token: Secret) -> None:
    from huggingface_hub import get_session  # noqa: PLC0415 - imported after the guards are in place

    hub_double.knows(token.reveal())
    hub.whoami(token)
    with HubDouble() as elsewhere:
        assert get_session().get(elsewhere.endpoint + "/api/models").status_code == 200
