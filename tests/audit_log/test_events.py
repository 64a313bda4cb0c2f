"""Events of a log are read one by one, from any form of it, and nothing is lost silently."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit_log.logs import AFTER, LAST4, TOKEN, encoded, event, pieces, read
from tokenaudit.audit_log import events as module
from tokenaudit.audit_log.event import address
from tokenaudit.audit_log.events import EventReader, NotALogError

LOG = [event(number, data={"repos": [{"name": "acme/a"}, {"name": "acme/b"}]}) for number in range(5)]
LINES = b"".join(json.dumps(one).encode() + b"\n" for one in LOG)


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(LOG), id="array"),
        pytest.param(json.dumps(LOG, indent=2).encode(), id="indented"),
        pytest.param(json.dumps(LOG, separators=(",", ":")).encode(), id="compact"),
        pytest.param(b"\xef\xbb\xbf \n" + encoded(LOG) + b"\n", id="byte-order-mark"),
        pytest.param(encoded(LOG[:2]) + b"\n" + encoded(LOG[2:]), id="two arrays"),
        pytest.param(LINES, id="lines"),
        pytest.param(LINES.replace(b"\n", b"\r\n"), id="lines-of-windows"),
        pytest.param(b"\n\n" + LINES[:-1], id="lines-without-an-end"),
        pytest.param(b"\n".join(json.dumps(one, indent=2).encode() for one in LOG), id="objects"),
        pytest.param(gzip.compress(encoded(LOG)), id="gzip"),
        pytest.param(gzip.compress(LINES[:900]) + gzip.compress(LINES[900:]), id="gzip-members"),
    ],
)
def test_every_form_of_a_log_gives_the_same_events(data: bytes, size: int) -> None:
    events, reader = read(data, size)
    assert [one.id for one in events] == [one["_id"] for one in LOG]
    assert (reader.count, reader.incomplete) == (5, "")
    first = events[0]
    assert (first.token_id, first.last4, first.role, first.country) == (TOKEN, LAST4, "write", "FR")
    assert (first.date, first.author, first.user_agent) == (AFTER, "alice", "huggingface_hub/1.0")


def test_an_empty_array_is_a_log_without_events() -> None:
    assert read(b" [ ] ")[0] == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"{}",
        b'{"error": "x"}',
        b"<html></html>",
        b"null",
        b"3",
        b'"x"',
        b"[3]",
        b"[[]]",
        b"[",
        b'[{"type',
        b"type,message\na,b\n",
        b"\x1f\x8b",
        gzip.compress(b"x", mtime=0)[:9],
        "[]".encode("utf-16"),
        b"\x00" * 99,
        b"x\n" * 9999,
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_what_is_not_a_log_is_an_error(data: bytes, size: int) -> None:
    with pytest.raises(NotALogError):
        read(data, size)


@pytest.mark.parametrize("end", range(1, 400, 7))
def test_a_truncated_log_gives_its_beginning_and_a_reason(end: int) -> None:
    whole = encoded(LOG)
    events, reader = read(whole[: len(whole) - end])
    assert [one.id for one in events] == [one["_id"] for one in LOG[: len(events)]]
    assert f"only the first {len(events)} events were read" in reader.incomplete


@pytest.mark.parametrize("data", [LINES[:-50], gzip.compress(encoded(LOG * 50))[:-9], encoded(LOG) + b"<html>"])
def test_other_ends_are_noticed_too(data: bytes) -> None:
    events, reader = read(data)
    assert events
    assert "events were read" in reader.incomplete


def test_a_damaged_event_costs_only_itself() -> None:
    damaged = [json.dumps(one) for one in LOG]
    damaged[2] = damaged[2].replace('"message"', "message")
    events, reader = read(f"[{','.join(damaged)}]".encode())
    assert (len(events), reader.incomplete) == (4, "1 entries are not events")
    damaged[2] = "not JSON {"
    events, reader = read("\n".join(damaged).encode())
    assert (len(events), reader.incomplete) == (4, "1 entries are not events")


ODD: dict[str, Any] = {
    "huge integer": {"data": 10**4000},
    "huge number": {"createdAt": 10**400, "message": 1},
    "deep": {"data": "DEEP"},
    "surrogate": {"message": "\ud800 x"},
    "unexpected types": {"author": [], "location": 3, "ip": {}, "userAgent": None, "oauth": "x"},
    "braces in strings": {"message": '}, {"type": "x"}, {', "userAgent": '"}]'},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_event_still_counts_for_its_token(name: str) -> None:
    data = encoded([LOG[0], {**event(9), **ODD[name]}, LOG[1]])
    data = data.replace(b'"DEEP"', b"[" * 100_000 + b"]" * 100_000)
    for size in (1000, 1 << 20):
        events, reader = read(data, size)
        assert [one.token_id for one in events] == [TOKEN] * 3, reader.incomplete
        assert not reader.incomplete


def test_of_a_repeated_key_the_last_value_counts() -> None:
    events, _ = read(b'[{"type": "a", "type": "b", "token": {"id": "x", "id": "y"}}]')
    assert (events[0].type, events[0].token_id) == ("b", "y")


def test_invalid_utf8_is_replaced() -> None:
    events, reader = read(encoded(LOG).replace(b"something", b"some\xffthing", 1))
    assert (len(events), reader.incomplete) == (5, "")
    assert "\ufffd" in events[0].message


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 1_000_000,
        b'[{"a":' * 200_000,
        b"[" + b" " * 1_000_000,
        b'[{"type": "' + b"x" * 1_000_000,
        b"x" * 1_000_000,
        b'{"type": "a", "data": ' + b"[" * 1_000_000,
        b"[" + b"[]," * 300_000,
    ],
)
def test_hostile_data_costs_little_memory(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_EVENT", 1 << 18)
    tracemalloc.start()
    try:
        with pytest.raises(NotALogError):
            read(gzip.compress(bomb, 1), 100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_log_that_decompresses_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_LOG", 1 << 20)
    events, reader = read(gzip.compress(encoded(LOG * 2000)))
    assert 0 < len(events) < 10_000
    assert "larger than 1 MiB" in reader.incomplete


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.xxx", "192.0.2.xxx"),
        ("not an address", "not an address"),
    ],
)
def test_an_address_has_one_form(text: str, usual: str) -> None:
    assert address(text) == usual


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=6), st.integers(1, 90), st.sampled_from([None, 1]))
def test_any_array_is_split_as_json_defines_it(items: list[Any], size: int, indent: int | None) -> None:
    items.append({"type": "last"})
    reader = EventReader(pieces(json.dumps(items, indent=indent, ensure_ascii=False).encode("utf-8", "replace"), size))
    types = [one["type"] for one in items if isinstance(one, dict) and isinstance(one.get("type"), str)]
    assert len(list(reader)) == sum(bool(kind.strip()) for kind in types)
    assert reader.count + reader.not_events == len(items)
    assert not reader.broken
