"""Dates and times from outside: read in any format a server can send, written as RFC 3339 in UTC.

A `datetime` has the years 1 to 9999 only. A time outside them, or a text that is not a date, is read as None, which the
caller reports as unknown. A time within them that its zone moves out of range is read as the limit.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)
_LATEST = datetime.max.replace(tzinfo=timezone.utc)
_LONGEST = 100
"""Maximum number of characters of a date."""
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
"""Unix time comes in seconds, milliseconds (JavaScript), microseconds or nanoseconds (Go)."""
_FIRST_SECOND = (_EARLIEST - _EPOCH).days * 86_400
_LAST_SECOND = (_LATEST - _EPOCH).days * 86_400 + 86_399
_MICROSECONDS = 6
_LEAP_SECOND = 60
_MIDNIGHT = 24

_ISO = re.compile(
    r"""
    (?P<year>\d{4}) (?P<dash>-?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
    (?:
        (?:[Tt]|[ ]+) (?P<hour>\d\d)
        (?: (?P<colon>:?) (?P<minute>\d\d) (?: (?P=colon) (?P<second>\d\d) (?:[.,](?P<fraction>\d+))? )? )?
        (?: [ ]* (?: [Zz] | UTC | GMT | (?P<sign>[+-])(?P<offset>\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?) ) )?
    )?
    """,
    re.VERBOSE | re.ASCII,
)
_HTTP = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})", re.ASCII)
"""RFC 9110 and RFC 5322."""
_UNIX = re.compile(r"-?\d{9,20}(?:\.\d+)?", re.ASCII)


def parse_timestamp(value: object) -> datetime | None:
    """A date or time as an aware time in UTC; None if there is none or it is outside the years 1 to 9999.

    Accepts ISO 8601 and RFC 3339 (any number of fractional digits, any offset, leap seconds, a date alone; UTC without
    a zone), the dates of HTTP and e-mail headers, and Unix times as numbers or texts. A number out of range in seconds
    is read as milliseconds, then as microseconds and nanoseconds.
    """
    if isinstance(value, datetime):
        return to_utc(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_number(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    found = _ISO.fullmatch(text)
    if found is not None:
        return _from_iso(found)
    if _UNIX.fullmatch(text):
        return _from_number(int(text) if "." not in text else float(text))
    return _from_http(text) if _HTTP.fullmatch(text) else None


def is_undecidable(value: object) -> bool:
    """Whether the value of a date field is an invalid date."""
    return value is not None and value != "" and parse_timestamp(value) is None


def from_unix(seconds: float) -> datetime | None:
    """Unix seconds as a time in UTC; None outside the years 1 to 9999."""
    if not math.isfinite(seconds) or not _FIRST_SECOND <= seconds < _LAST_SECOND + 1:
        return None
    whole = math.floor(seconds)
    return _EPOCH + timedelta(seconds=whole, microseconds=min(round((seconds - whole) * 1_000_000), 999_999))


def to_utc(moment: datetime) -> datetime:
    """The same time in UTC; one without a zone is UTC already."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:  # the offset moves it out of the supported years
        return _EARLIEST if moment.year == 1 else _LATEST


def rfc3339(moment: datetime, *, microseconds: bool = False) -> str:
    """`2026-01-02T03:04:05Z`, with four digits for every year: `strftime` writes fewer on some systems."""
    utc = to_utc(moment).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds" if microseconds else "seconds") + "Z"


def day(moment: date) -> str:
    """`2026-01-02`, with four digits for every year; the day of the time's own zone."""
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


def minute(moment: datetime) -> str:
    """`2026-01-02 03:04`, with four digits for every year."""
    return f"{day(moment)} {moment.hour:02}:{moment.minute:02}"


def _from_number(value: float) -> datetime | None:
    for unit in _UNITS:
        try:
            found = from_unix(value / unit)
        except OverflowError:  # an integer too large for a float
            return None
        if found is not None:
            return found
    return None


def _from_http(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - every command would load it, and sockets with it

    try:
        return to_utc(parsedate_to_datetime(text))
    except ValueError:  # no such month, day or hour
        return None


def _from_iso(found: re.Match[str]) -> datetime | None:
    hour, second = int(found["hour"] or 0), int(found["second"] or 0)
    extra = timedelta()
    if second == _LEAP_SECOND:
        second, extra = 59, timedelta(seconds=1)
    if hour == _MIDNIGHT and not int(found["minute"] or 0) and not second:
        hour, extra = 0, timedelta(days=1)
    fraction = (found["fraction"] or "")[:_MICROSECONDS].ljust(_MICROSECONDS, "0")
    try:
        local = datetime(  # noqa: DTZ001 - the zone is applied below, where it may leave the calendar
            int(found["year"]), int(found["month"]), int(found["day"]), hour, int(found["minute"] or 0), second,
            int(fraction),
        )  # fmt: skip
        offset = _offset(found["sign"], found["offset"])
    except ValueError:
        return None
    if offset is None:
        return None
    try:
        return (local + extra - offset).replace(tzinfo=timezone.utc)
    except OverflowError:
        return _EARLIEST if local.year == 1 else _LATEST


def _offset(sign: str | None, digits: str | None) -> timedelta | None:
    if digits is None:
        return timedelta()
    numbers = digits.partition(".")[0].replace(":", "")
    hours, minutes, seconds = (int(numbers[at : at + 2] or 0) for at in (0, 2, 4))
    if hours >= 24 or minutes >= 60 or seconds >= 60:  # noqa: PLR2004 - hours of a day, minutes and seconds
        return None
    size = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -size if sign == "-" else size
