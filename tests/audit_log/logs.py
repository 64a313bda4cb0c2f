"""Audit logs for tests: events as the Hub writes them, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.hub import resources
from tests.hub.state import Body
from tokenaudit.audit_log.aggregate import UsageAggregator
from tokenaudit.audit_log.event import Event
from tokenaudit.audit_log.events import EventReader
from tokenaudit.audit_log.model import FoundCredential, KnownToken, TokenUse, UsageReport
from tokenaudit.model import Tool

EXPOSED = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
BEFORE, AFTER = EXPOSED - timedelta(days=7), EXPOSED + timedelta(days=7)
TOKEN, OTHER = "a1" * 12, "b2" * 12
MARK, OTHER_MARK = "f" * 32, "e" * 32
LAST4 = "WxYz"
PARIS = {"formatted": "Paris, France", "country": "FR", "city": "Paris"}
LIMA = {"formatted": "Lima, Peru", "country": "PE", "city": "Lima"}
_DEFAULT: Any = object()


def written(at: datetime) -> str:
    """A time as the Hub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def event(
    number: int,
    at: datetime | str | None = AFTER,
    kind: str = "repo.create",
    *,
    token: str | None = TOKEN,
    last4: str | None = LAST4,
    ip: str | None = "192.0.2.1",
    location: Any = _DEFAULT,
    author: str = "alice",
    deleted: bool = False,
    **more: Any,
) -> Body:
    """One event, by default of the token that ends in `LAST4`, from Paris."""
    body = resources.audit_event(kind, _id=f"{number:024x}", message="something in acme/app", **more)
    body["author"] = {**body["author"], "user": author}
    body["createdAt"] = written(at) if isinstance(at, datetime) else at
    if at is None:
        del body["createdAt"]
    if ip is not None:
        body["ip"] = ip
        body["location"] = PARIS if location is _DEFAULT else location
        body["userAgent"] = "huggingface_hub/1.0"
    if token is not None or last4 is not None:
        used = {"type": "access_token", "id": token, "role": "write", "last4": last4, "deleted": deleted}
        body["token"] = {name: value for name, value in used.items() if value is not None}
    return {name: value for name, value in body.items() if value is not None}


def encoded(events: Sequence[object]) -> bytes:
    """The export of `events`."""
    return json.dumps(events).encode()


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    """`data` as it arrives."""
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 700) -> tuple[list[Event], EventReader]:
    """The events of a log."""
    reader = EventReader(pieces(data, size))
    return list(reader), reader


def found(exposed_at: datetime | None = EXPOSED, mark: str = MARK, last4: str = LAST4) -> FoundCredential:
    """A credential that a sweep found."""
    return FoundCredential(mark, last4, exposed_at)


def usage(
    *logs: Sequence[object],
    credentials: Iterable[FoundCredential] = (found(),),
    known: Iterable[KnownToken] = (),
    wanted: Sequence[str] = (),
) -> UsageReport:
    """The use of tokens by some logs."""
    aggregator = UsageAggregator("acme", credentials, known)
    for number, events in enumerate(logs):
        aggregator.read(f"log {number}", pieces(encoded(events)))
    return aggregator.report(Tool("tokenaudit", "1"), wanted)


def only(report: UsageReport) -> TokenUse:
    """The only token of a report."""
    (use,) = report.tokens
    return use
