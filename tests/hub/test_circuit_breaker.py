"""A server that leaves requests unanswered is found out once, and one that only fails is not given up."""

from __future__ import annotations

import pytest

from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error, html, rate_limited
from tests.hub.test_client import Clock
from tests.support.mint import Mint
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import CircuitBreaker, RetryPolicy
from tokenaudit.hub.result import ErrorKind, Failure, Reply
from tokenaudit.secret import Secret


def failure(kind: ErrorKind, status: int | None = None) -> Failure:
    return Failure(kind, status, "x")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_connection_that_fails_opens_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock)
    assert breaker.admits()
    breaker.record(failure("unreachable"), clock.now)
    assert breaker.is_open
    assert not breaker.admits()


@pytest.mark.parametrize(
    "unanswered",
    [failure("timeout"), failure("network"), failure("server", 503), failure("server", 502), failure("limited", 429)],
)
def test_three_in_a_row_open_it(clock: Clock, unanswered: Failure) -> None:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(2):
        breaker.record(unanswered, clock.now)
        assert breaker.admits()
        assert breaker.is_suspicious
    breaker.record(Reply(200, None), clock.now)
    assert not breaker.is_suspicious
    for _ in range(3):
        assert breaker.admits()
        breaker.record(unanswered, clock.now)
    assert not breaker.admits()


def test_two_that_take_long_open_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(2):
        started = clock.now
        clock.now += 15
        breaker.record(failure("timeout"), started)
    assert breaker.is_open


@pytest.mark.parametrize("answered", [failure("server", 500), failure("malformed", 200)])
def test_failures_of_one_resource_open_nothing(clock: Clock, answered: Failure) -> None:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(100):
        breaker.record(answered, clock.now)
    assert breaker.admits()
    assert breaker.is_suspicious


@pytest.mark.parametrize("kind", ["refused", "redirect", "oversized"])
def test_a_refusal_is_an_answer(clock: Clock, kind: ErrorKind) -> None:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(2):
        breaker.record(failure("timeout"), clock.now)
    breaker.record(failure(kind), clock.now)
    for _ in range(2):
        breaker.record(failure("timeout"), clock.now)
    assert breaker.admits()


def test_now_and_then_one_is_tried_and_an_answer_closes_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock)
    breaker.record(failure("unreachable"), clock.now)
    clock.now += 31
    assert breaker.admits()
    assert not breaker.admits()
    breaker.record(failure("unreachable"), clock.now)
    clock.now += 31
    assert breaker.admits()
    breaker.record(Reply(200, None), clock.now)
    assert [breaker.admits() for _ in range(3)] == [True] * 3


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (error(503, "Unavailable"), 7),
        (html(502), 7),
        (Fault(behaviour="reset"), 7),
        (Fault(behaviour="hang"), 5),
        (Fault(behaviour="drip-headers"), 5),
        (rate_limited(0, 10**8), 1),
        (error(500, "Oops"), 74),
        (html(200, "Sign in"), 74),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_seventy_questions_cost_few_requests_and_no_waits(
    hub_double: HubDouble, clock: Clock, fault: Fault, most: int
) -> None:
    hub_double.fails("whoami", fault, always=True)
    hub = Hub(hub_double.endpoint, clock=clock, sleep=clock.sleep, auditor_token=False, timeout=0.2, deadline=0.4)
    mint = Mint(44)
    answers = [hub.whoami(Secret(mint.user_token())) for _ in range(70)]
    assert all(isinstance(answer, Failure) for answer in answers)
    assert hub_double.count("whoami") <= most
    assert sum(clock.slept) <= 20


def test_a_refused_connection_is_tried_twice_in_all(clock: Clock) -> None:
    with HubDouble() as gone:
        endpoint = gone.endpoint
    hub = Hub(endpoint, clock=clock, sleep=clock.sleep, auditor_token=False)
    mint = Mint(45)
    answers = [hub.whoami(Secret(mint.user_token())) for _ in range(70)]
    kinds = [answer.kind for answer in answers if isinstance(answer, Failure)]
    assert kinds == ["unreachable"] + ["unavailable"] * 69
    assert len(clock.slept) == 1


def test_a_hub_that_comes_back_is_asked_again(hub_double: HubDouble, clock: Clock) -> None:
    hub_double.fails("whoami", *[error(503, "Unavailable")] * 6)
    hub = Hub(
        hub_double.endpoint, clock=clock, sleep=clock.sleep, auditor_token=False, retry_policy=RetryPolicy(attempts=4)
    )
    token = Secret(hub_double.knows(Mint(46).user_token()))
    for _ in range(4):
        assert isinstance(hub.whoami(token), Failure)
    clock.now += 60
    assert isinstance(hub.whoami(token), Reply)
    assert isinstance(hub.whoami(token), Reply)
