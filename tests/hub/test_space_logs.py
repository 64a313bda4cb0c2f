"""A Space's log is read from its beginning to now, whatever it does then, and never without a bound."""

from __future__ import annotations

import time

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error, html
from tests.hub.state import MOMENT, Log
from tests.support.mint import Mint
from tokenaudit.hub import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.result import Failure
from tokenaudit.hub.spaces import LogLimits, SpaceLog, space_log
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

OWN = Mint(1).user_token()
QUICK = LogLimits(seconds=2.0, silence=0.4)


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    hub_double.knows(OWN)
    hub_double.world.add_space("alice/app")
    return Hub(hub_double.endpoint, retry_policy=RetryPolicy(attempts=2, first_backoff=0.01), timeout=5)


def read(hub: Hub, limits: LogLimits = QUICK, secret: str | None = OWN) -> SpaceLog | Failure:
    return space_log(hub, "alice/app", "run", Secret(secret) if secret else None, limits)


def put(double: HubDouble, log: Log) -> None:
    double.world.repos["space", "alice/app"].logs["run"] = log


def lines(log: SpaceLog | Failure) -> list[str]:
    assert isinstance(log, SpaceLog), log
    return [line.text for line in log.lines]


@pytest.mark.parametrize("then", ["close", "keep-alive", "silence", "print"])
def test_a_log_is_read_to_now_whatever_comes_then(hub_double: HubDouble, hub: Hub, then: str) -> None:
    put(hub_double, Log.of("one", "two", then=then))  # type: ignore[arg-type]
    started = time.monotonic()
    log = read(hub)
    assert lines(log) == ["one", "two"]
    assert isinstance(log, SpaceLog)
    assert log.cut is None
    assert log.lines[0].moment == parse_timestamp(MOMENT)
    assert time.monotonic() - started < 2
    assert hub_double.count("/logs/run") == 1


def test_a_build_log_is_another_one(hub_double: HubDouble, hub: Hub) -> None:
    hub_double.world.repos["space", "alice/app"].logs["build"] = Log.of("built")
    assert lines(space_log(hub, "alice/app", "build", Secret(OWN))) == ["built"]
    assert lines(read(hub)) == []


def test_an_endless_log_is_cut_off_in_time(hub_double: HubDouble, hub: Hub) -> None:
    # Without a time of their own, lines can't be distinguished from past ones.
    put(hub_double, Log([{"data": "x\n"}] * 3, "keep-alive"))
    log = read(hub, LogLimits(seconds=0.3, silence=60))
    assert isinstance(log, SpaceLog)
    assert log.cut is not None
    assert "stopped after 0.3 seconds; 3 lines" in log.cut


def test_a_large_log_is_cut_off(hub_double: HubDouble, hub: Hub) -> None:
    put(hub_double, Log.of(*["x" * 99] * 50, then="print"))
    log = read(hub, LogLimits(most=1000, seconds=5, silence=1))
    assert isinstance(log, SpaceLog)
    assert log.cut == "only the first 1000 characters were read"
    assert lines(log) == ["x" * 99] * 10


def test_a_line_without_an_end_is_cut_off_too(hub_double: HubDouble, hub: Hub) -> None:
    hub_double.fails("/logs/run", Fault(200, {"Content-Type": "text/event-stream"}, behaviour="drip-body"))
    started = time.monotonic()
    log = read(hub, LogLimits(seconds=-4.5, silence=5))  # the grace given from outside is five seconds
    assert isinstance(log, SpaceLog)
    assert log.cut is not None
    assert "took too long; 0 lines read" in log.cut
    assert time.monotonic() - started < 3


def test_silence_from_the_start_is_not_taken_for_an_empty_log(hub_double: HubDouble, hub: Hub) -> None:
    put(hub_double, Log([], "silence", 5.0))
    log = read(hub)
    assert isinstance(log, SpaceLog)
    assert log.cut == "no data for 0.4 seconds; the log can be empty"


def test_what_came_before_the_connection_broke_is_kept_and_the_break_is_told(hub_double: HubDouble, hub: Hub) -> None:
    body = b'data: {"data": "one\\n", "timestamp": "2026-10-01T09:00:00.000Z"}\n\n'
    hub_double.fails("/logs/run", Fault(200, {"Content-Type": "text/event-stream"}, body, "truncate"))
    log = read(hub)
    assert lines(log) == ["one"]
    assert isinstance(log, SpaceLog)
    assert log.cut is not None
    assert log.cut.startswith("connection lost after 1 lines")


def test_nothing_is_lost_of_events_in_another_shape_or_with_strange_characters(hub_double: HubDouble, hub: Hub) -> None:
    separator = "a\u2028b\u0085c\x0bd"
    odd = ['{"line": "other"}', "plain", '{"data": 3}']
    put(hub_double, Log([{"data": f"{separator}\nsecond\n", "timestamp": "yesterday"}]))
    assert lines(read(hub)) == [separator, "second"]
    body = "".join(f"data: {text}\r\n\r\n" for text in odd).encode()
    hub_double.fails("/logs/run", Fault(200, {"Content-Type": "text/event-stream"}, body))
    assert lines(read(hub)) == odd


def test_a_refusal_a_page_and_a_broken_hub_are_failures(hub_double: HubDouble, hub: Hub) -> None:
    hub_double.knows(reader := Mint(2).user_token(), bodies.classic("read"))
    refused = read(hub, secret=reader)
    assert isinstance(refused, Failure)
    assert (refused.kind, refused.status) == ("refused", 403)
    for fault, trouble in ((html(200), "malformed"), (error(503, "Busy"), "server"), (error(404, "No"), "refused")):
        hub_double.server.faults.clear()
        hub_double.fails("/logs/run", fault, always=True)
        failed = read(hub)
        assert isinstance(failed, Failure)
        assert failed.kind == trouble
    assert isinstance(space_log(hub, "../x/y", "run", Secret(OWN)), Failure)
