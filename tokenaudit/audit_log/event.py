"""One event of an audit log: the form in which the Hub writes it, and how its bytes are decoded."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from tokenaudit.text import shorten
from tokenaudit.timestamps import parse_timestamp

_DEEPEST = 20
_LAST = 4
_LONGEST_NUMBER = 400
_LONGEST_NAME = 200
_LONGEST_TEXT = 500
SIGN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\]]', re.DOTALL)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. All texts are untrusted; `message` and `user_agent` are shortened.

    `last4` is the last four characters of the access token that was used, `token_id` its ID on the Hub; `deleted` is
    whether that token no longer exists. `date` is None if it is missing or invalid. `data` is JSON of any shape.
    """

    id: str
    type: str
    message: str
    author: str | None
    date: datetime | None
    ip: str | None = None
    place: str | None = None
    country: str | None = None
    user_agent: str | None = None
    token_id: str | None = None
    token_type: str | None = None
    last4: str | None = None
    role: str | None = None
    deleted: bool = False
    data: bytes = b""


class _Author(msgspec.Struct):
    user: str | None = None


class _Location(msgspec.Struct):
    formatted: str | None = None
    country: str | None = None


class _Token(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    role: str | None = None
    last4: str | None = None
    deleted: bool | None = None


class HubRecord(msgspec.Struct):
    """An event as the Hub writes it; other fields are ignored."""

    id: str | None = msgspec.field(name="_id", default=None)
    createdAt: str | int | float | None = None  # noqa: N815 - the Hub's name
    type: str | None = None
    message: str | None = None
    ip: str | None = None
    userAgent: str | None = None  # noqa: N815 - as above
    author: _Author | None = None
    location: _Location | None = None
    token: _Token | None = None
    data: msgspec.Raw = msgspec.Raw(b"")


DECODER = msgspec.json.Decoder(HubRecord)


def decode_record(piece: bytes) -> HubRecord | None:
    """Return the event in `piece`, without values of unexpected types; None if it is not an object."""
    try:
        return DECODER.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found = json.loads(_flattened(piece).decode("utf-8", "replace"), parse_int=_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    author, location, token = (_part(found, key) for key in ("author", "location", "token"))
    date, deleted = found.get("createdAt"), token.get("deleted")
    return HubRecord(
        _text(found, "_id"),
        date if isinstance(date, (str, int, float)) and not isinstance(date, bool) else None,
        _text(found, "type"),
        _text(found, "message"),
        _text(found, "ip"),
        _text(found, "userAgent"),
        _Author(_text(author, "user")),
        _Location(_text(location, "formatted"), _text(location, "country")),
        _Token(_text(token, "type"), _text(token, "id"), _text(token, "role"), _text(token, "last4"), deleted is True),
    )


def _flattened(piece: bytes) -> bytes:
    """Return `piece` without parts that are nested more deeply than any event of the Hub, which no decoder reads."""
    parts, at, depth = [], 0, 0
    for found in SIGN.finditer(piece):
        if found[0] in b"{[":
            if depth == _DEEPEST:
                parts.append(piece[at : found.start()])
            depth += 1
        elif found[0] in b"}]":
            depth -= 1
            if depth == _DEEPEST:
                parts.append(b"null")
                at = found.end()
    return b"".join([*parts, piece[at:]]) if depth == 0 else piece


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_NUMBER else float(digits)


def _part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = found.get(key)
    return part if isinstance(part, dict) else {}


def _text(found: Mapping[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) else None


def event_of(record: HubRecord) -> Event | None:
    """Return the event that `record` describes; None if it has no type."""
    if not record.type:
        return None
    location, token = record.location, record.token
    last4 = token.last4 if token is not None else None
    return Event(
        record.id or "",
        _short(record.type) or "",
        _short(record.message, _LONGEST_TEXT) or "",
        _short(record.author.user) if record.author is not None else None,
        parse_timestamp(record.createdAt),
        address(record.ip) if record.ip else None,
        _short(location.formatted) if location is not None else None,
        _short(location.country) if location is not None else None,
        _short(record.userAgent, _LONGEST_TEXT),
        _short(token.id) if token is not None else None,
        _short(token.type) if token is not None else None,
        last4 if last4 is not None and len(last4) == _LAST else None,
        _short(token.role) if token is not None else None,
        token is not None and token.deleted is True,
        bytes(record.data),
    )


def _short(text: str | None, most: int = _LONGEST_NAME) -> str | None:
    if text is None or not text.strip():
        return None
    return text if len(text) <= most else shorten(text, most)


@lru_cache(maxsize=4096)
def address(text: str) -> str:
    """Return an IP address in canonical form: IPv6 compressed and in lower case, IPv4 in IPv6 as IPv4.

    Text that is not an address, such as an anonymized one, is returned unchanged.
    """
    text = text.strip()
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return _short(text) or ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
