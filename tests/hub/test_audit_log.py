"""An organization's audit log, read as a stream: every event, in flat memory, and nothing lost silently."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.hub import bodies, resources
from tests.hub.bodies import Body
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error
from tests.support.mint import Mint
from tests.support.origins import Reply, Seen, origin
from tokenaudit.audit_log import events
from tokenaudit.audit_log.events import EventReader
from tokenaudit.hub import audit_log
from tokenaudit.hub.audit_log import read_export
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


class Log:
    """The events of a log and how they were read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.reader = EventReader(chunks)
        self.events = list(self.reader)
        self.incomplete = self.reader.incomplete


def answer(hub: Hub, admin: Secret | None, organization: str = "acme", query: str = "") -> Log | Failure:
    export = read_export(hub, organization, admin, Log, query)
    if isinstance(export, Failure):
        return export
    export.result.incomplete = "; ".join(filter(None, (export.broken, export.result.incomplete)))
    return export.result


def read(hub: Hub, admin: Secret, organization: str = "acme") -> Log:
    log = answer(hub, admin, organization)
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
    assert {(one.id[-1], one.last4, one.ip, one.place) for one in log.events} == {
        ("1", None, None, None),
        ("2", "wxyz", None, None),
        ("3", None, "192.0.2.7", "Nowhere"),
    }
    assert (log.reader.count, log.reader.oldest, log.incomplete) == (3, SINCE - day, "")


def test_an_empty_log_is_whole(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    hub_double.world.audit_log["acme"] = []
    log = read(hub, admin)
    assert (log.events, log.incomplete) == ([], "")


@pytest.mark.parametrize("org", [bodies.org(role="write"), bodies.org(role="admin", plan="academia")])
def test_only_administrators_with_a_plan_may_read_it(hub: Hub, hub_double: HubDouble, org: Body) -> None:
    token = Secret(hub_double.knows(Mint(9).user_token(), bodies.classic("write", orgs=[org])))
    refused = answer(hub, token)
    assert isinstance(refused, Failure)
    assert refused.status == 403


def test_an_organization_that_is_not_there_is_a_failure(hub: Hub, admin: Secret) -> None:
    refused = answer(hub, admin, "nobody")
    assert isinstance(refused, Failure)
    assert refused.status in {403, 404}


@pytest.mark.parametrize("number", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_large_export_is_read_in_flat_memory(number: int) -> None:
    """The export of a busy organization is about 50 MB; the events are counted and let go."""
    one = json.dumps(event(1, message="x" * 300)).encode()
    whole = b"[" + b",".join([one] * number) + b"]"
    assert len(whole) > 400 * number

    def respond(_: Seen) -> Reply:
        return Reply(200, whole, {"Content-Type": "application/json"})

    def count(chunks: Iterator[bytes]) -> tuple[int, str]:
        reader = EventReader(chunks)
        return sum(1 for _ in reader), reader.incomplete

    with origin(respond) as server:
        hub = Hub(server.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        hub.get("/warm-up", None)
        tracemalloc.start()
        try:
            export = read_export(hub, "acme", None, count)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert not isinstance(export, Failure)
    assert (export.result, export.broken) == ((number, ""), "")
    assert peak < 4 << 20


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
    assert len(log.events) >= 5
    reason = "the connection broke" if fault.behaviour == "truncate" else f"only the first {len(log.events):,} events"
    assert reason in log.incomplete


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
    assert isinstance(answer(hub, admin), Failure)


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
    assert [one.type for one in log.events] == ["x", "org.add_user"]
    assert log.incomplete == "6 entries are not events"


@pytest.mark.parametrize("large", [b'{"type": "', b"[" * 30, b'{"a":' * 30])
def test_an_event_without_an_end_ends_the_reading(
    hub: Hub, hub_double: HubDouble, admin: Secret, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LARGEST_EVENT", 1 << 18)
    body = b"[" + json.dumps(event(1)).encode() + b"," + large + b"x" * (4 << 20)
    hub_double.fails("/audit-log/", Fault(200, body=body), always=True)
    log = read(hub, admin)
    assert len(log.events) == 1
    assert log.incomplete


def test_a_log_that_does_not_end_is_cut_off_and_that_is_said(
    hub: Hub, hub_double: HubDouble, admin: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "LARGEST_EXPORT", 1 << 20)
    hub_double.fails("/audit-log/", Fault(200, body=log_of(20_000)), always=True)
    log = read(hub, admin)
    assert 100 < len(log.events) < 20_000
    assert "larger than 1 MiB" in log.incomplete


def test_what_the_caller_does_not_read_is_received_anyway(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    hub_double.fails("/audit-log/", Fault(200, body=log_of(50)))
    export = read_export(hub, "acme", admin, lambda chunks: next(iter(EventReader(chunks))).type)
    assert not isinstance(export, Failure)
    assert (export.result, export.broken) == ("org.add_user", "")


def test_a_query_selects_events_by_type(hub: Hub, hub_double: HubDouble, admin: Secret) -> None:
    hub_double.world.audit_log["acme"] = [event(1), event(2, kind="repo.create")]
    log = answer(hub, admin, query="type:repo.create")
    assert isinstance(log, Log)
    assert [one.type for one in log.events] == ["repo.create"]
    assert hub_double.requests[-1].query == {"q": "type:repo.create"}
