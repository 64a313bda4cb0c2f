"""Any date that a server can send is read, or known to be unreadable; nothing else raises."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenaudit.timestamps import day, from_unix, is_undecidable, minute, parse_timestamp, rfc3339, to_utc

UTC = timezone.utc


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),  # Go's zero time
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00.000000Z"),  # the closest time there is
        ("0999-12-31T23:59:59.9Z", "0999-12-31T23:59:59.900000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59-08:00", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31", "9999-12-31T00:00:00.000000Z"),
        ("2026-02-28T23:00:00-01:30", "2026-03-01T00:30:00.000000Z"),
        ("2026-01-02T03:04:05+0530", "2026-01-01T21:34:05.000000Z"),
        ("2026-01-02T03:04:05-00:00", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04:05+01", "2026-01-02T02:04:05.000000Z"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05.000000Z"),
        (" 2026-01-02T03:04:05.1Z\n", "2026-01-02T03:04:05.100000Z"),
        ("2026-01-02T03:04:05,123456789Z", "2026-01-02T03:04:05.123456Z"),
        ("2026-01-02T03:04:05." + "9" * 60 + "Z", "2026-01-02T03:04:05.999999Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04Z", "2026-01-02T03:04:00.000000Z"),
        ("20260102T030405Z", "2026-01-02T03:04:05.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),  # a leap second
        ("2026-01-01T24:00:00Z", "2026-01-02T00:00:00.000000Z"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05.000000Z"),
        (1_700_000_000, "2023-11-14T22:13:20.000000Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),
        (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
        ("1700000000", "2023-11-14T22:13:20.000000Z"),
        (-62_135_596_800, "0001-01-01T00:00:00.000000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (1.5, "1970-01-01T00:00:01.500000Z"),
    ],
)
def test_a_date_is_read_and_written_with_four_digits_for_its_year(sent: object, meant: str) -> None:
    found = parse_timestamp(sent)
    assert found is not None
    assert rfc3339(found, microseconds=True) == meant
    assert parse_timestamp(meant) == found
    assert not is_undecidable(sent)


@pytest.mark.parametrize(
    "sent",
    [
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "+275760-09-13T00:00:00.000Z",  # the last time of JavaScript
        "-000001-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+99:99",
        "Fri, 99 Jan 2026 03:04:05 GMT",
        "yesterday",
        "null",
        "２０２６-01-01",  # noqa: RUF001 - digits of another script
        "2026-01-01T00:00:00Z" * 1000,
        True,
        math.nan,
        math.inf,
        -(10**400),
        10**400,
        [],
        {"$date": 1},
        b"2026-01-01",
    ],
)
def test_what_is_no_date_within_the_calendar_is_known_to_be_unreadable(sent: object) -> None:
    assert parse_timestamp(sent) is None
    assert is_undecidable(sent)


def test_an_absent_date_is_not_an_unreadable_one() -> None:
    assert not is_undecidable(None)
    assert not is_undecidable("")


@given(st.text(max_size=40) | st.floats() | st.integers() | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.{0,9}"))
def test_nothing_raises_and_what_is_read_survives_being_written(sent: object) -> None:
    found = parse_timestamp(sent)
    if found is not None:
        assert found.utcoffset() == timedelta(0)
        assert parse_timestamp(rfc3339(found, microseconds=True)) == found


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_every_time_has_a_time_in_utc(moment: datetime) -> None:
    utc = to_utc(moment)
    assert utc.tzinfo is UTC
    assert len(rfc3339(moment)) == len("2026-01-02T03:04:05Z")


@given(st.floats())
def test_unix_seconds_are_a_time_or_none(seconds: float) -> None:
    found = from_unix(seconds)
    assert (found is not None) == (math.isfinite(seconds) and -62_135_596_800 <= seconds < 253_402_300_800)


def test_days_and_minutes_have_four_digits_for_the_year() -> None:
    first = datetime(7, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (day(first), minute(first), rfc3339(first)) == ("0007-01-02", "0007-01-02 03:04", "0007-01-02T03:04:05Z")
