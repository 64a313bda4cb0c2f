"""An organization's audit log, read as a stream: every event, in flat memory, and nothing lost silently."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Any

import pytest

from tests.hub import bodies, resources
from tests.hub.bodies import Body
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error
from tests.support.mint import Mint
from tests.support.origins import Reply, Seen, origin
from tokenaudit.hub import audit_log
from tokenaudit.hub.audit_log import Event, LogRead, read_log
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret

SINCE = datetime(2026, 7, 1, tzinfo=timezone.utc)
IMPATIENT = RetryPolicy(attempts=2, longest_wait=1, total_wait=2, first_backoff=0.01)


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    return Hub(hub_double.endpoint, timeout=5, deadline=10, retry_policy=IMPATIENT, auditor_token=False)


@pytest.fixture
def admin(hub_double: HubDouble) -> Secret:
    return Secret(hub_double.knows(Mint(8).user_token(), bodies.classic("write", orgs=[bodies.org(role="admin")])))


def event(number: int, at: datetime = SINCE, kind: str = "org.add_user", **more: Any) -> Body:
    date = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return resources.audit_event(kind, _id=f"{number:024x}", createdAt=date, **more)


def read(hub: Hub, admin: Secret, organization: str = "acme") -> LogRead[list[Event]]:
    log = read_log(hub, organization, admin, list)
    assert not isinstance(log, Failure), log
    return log


def test_every_event_comes_with_what_is_known_of_it(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    day = timedelta(days=1)
    place = {"formatted": "Nowhere", "country": "XX", "city": "N"}
    hub_double.world.audit_log["acme"] = [
        event(1, SINCE - day),
        event(2, SINCE, last4="wxyz"),
        event(3, SINCE + day, ip="192.0.2.7", location=place),
    ]
    log = read(hub, admin)
    assert {(one.id[-1], one.last4, one.ip, one.place) for one in log.result} == {
        ("1", None, None, None),
        ("2", "wxyz", None, None),
        ("3", None, "192.0.2.7", "Nowhere"),
    }
    assert (log.events, log.oldest, log.incomplete) == (3, SINCE - day, "")
    assert log.reaches(SINCE)


def test_an_empty_log_is_whole(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    hub_double.world.audit_log["acme"] = []
    assert read(hub, admin) == LogRead([], 0, None, "")


@pytest.mark.parametrize("org", [bodies.org(role="write"), bodies.org(role="admin", plan="academia")])
def test_only_administrators_with_a_plan_may_read_it(hub: Hub, hub_double: HubDouble, org: Body) -> None:
    token = Secret(hub_double.knows(Mint(9).user_token(), bodies.classic("write", orgs=[org])))
    answer = read_log(hub, "acme", token, list)
    assert isinstance(answer, Failure)
    assert answer.status == 403


def test_an_organization_that_is_not_there_is_a_failure(hub: Hub, admin: Secret) -> None:
    answer = read_log(hub, "nobody", admin, list)
    assert isinstance(answer, Failure)
    assert answer.status in {403, 404}


def test_100_000_events_are_read_in_flat_memory() -> None:
    """The export of a busy organization is about 50 MB; the events are counted and let go."""
    one = json.dumps(event(1, message="x" * 300)).encode()
    whole = b"[" + b",".join([one] * 100_000) + b"]"
    assert len(whole) > 32 << 20

    def answer(_: Seen) -> Reply:
        return Reply(200, whole, {"Content-Type": "application/json"})

    def count(events: Iterator[Event]) -> int:
        return sum(1 for _ in events)

    with origin(answer) as server:
        hub = Hub(server.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        hub.get("/warm-up", None)
        tracemalloc.start()
        try:
            log = read_log(hub, "acme", None, count)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(log, LogRead)
    assert (log.result, log.events, log.incomplete) == (100_000, 100_000, "")
    assert peak < 8 << 20
    assert not log.reaches(SINCE)


def log_of(events: int, broken: bytes = b"]") -> bytes:
    return b"[" + b",".join(json.dumps(event(number)).encode() for number in range(events)) + broken


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, body=log_of(5, b',{"type": "org.a')),
        Fault(200, body=log_of(5, b",")),
        Fault(200, body=log_of(5, b"")),
        Fault(200, body=log_of(5, b"] trailing")),
        Fault(200, body=log_of(5, b'{"error": "Internal Error"}')),
        Fault(200, body=log_of(5, b"<html>Bad gateway</html>")),
        Fault(200, body=log_of(9000), behaviour="truncate"),
    ],
)
def test_a_log_that_breaks_off_gives_what_was_read_and_says_so(
    hub: Hub, hub_double: HubDouble, admin: Secret, fault: Fault
) -> None:
    hub_double.fails("/audit-log/", fault, always=True)
    log = read(hub, admin)
    assert log.events == len(log.result) >= 5
    assert f"only the newest {log.events:,} events were read" in log.incomplete


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, body=b"{}"),
        Fault(200, body=b'{"error": "maintenance"}'),
        Fault(200, body=b"<html>We are back soon</html>"),
        Fault(200, body=b""),
        Fault(200, body=b'"a text"'),
        Fault(200, body=b'[{"type": "org.a'),
        error(503, "Unavailable"),
        error(403, "Forbidden"),
    ],
)
def test_what_is_no_log_is_a_failure_and_not_an_empty_log(
    hub: Hub, hub_double: HubDouble, admin: Secret, fault: Fault
) -> None:
    hub_double.fails("/audit-log/", fault, always=True)
    assert isinstance(read_log(hub, "acme", admin, list), Failure)


def test_entries_that_are_not_events_are_counted(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    odd: list[object] = [
        None,
        "x",
        3,
        [],
        {},
        {"type": 7},
        {"type": "x", "token": 3, "author": [], "createdAt": 7},
        event(1),
    ]
    hub_double.fails("/audit-log/", Fault(200, body=json.dumps(odd).encode()))
    log = read(hub, admin)
    assert [one.type for one in log.result] == ["x", "org.add_user"]
    assert log.incomplete == "6 entries are not events"


@pytest.mark.parametrize("large", [b'{"type": "', b"[" * 30, b'{"a":' * 30])
def test_an_event_without_an_end_ends_the_reading(
    hub: Hub, hub_double: HubDouble, admin: Secret, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "LARGEST_EVENT", 1 << 18)
    body = b"[" + json.dumps(event(1)).encode() + b"," + large + b"x" * (4 << 20)
    hub_double.fails("/audit-log/", Fault(200, body=body), always=True)
    log = read(hub, admin)
    assert log.events == 1
    assert log.incomplete


def test_a_log_that_does_not_end_is_cut_off_and_that_is_said(
    hub: Hub, hub_double: HubDouble, admin: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "LARGEST_LOG", 1 << 20)
    hub_double.fails("/audit-log/", Fault(200, body=log_of(20_000)), always=True)
    log = read(hub, admin)
    assert 100 < log.events < 20_000
    assert "larger than 1 MiB" in log.incomplete


def test_a_reader_that_stops_early_loses_no_count(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    hub_double.fails("/audit-log/", Fault(200, body=log_of(50)))
    log = read_log(hub, "acme", admin, lambda events: next(chain(events)))
    assert isinstance(log, LogRead)
    assert log.events == 50
