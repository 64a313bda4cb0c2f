"""An organization's audit log: `GET /api/organizations/{name}/audit-log/export`.

Source: the Hub's OpenAPI document: one JSON array of the last 100,000 events, for Team and Enterprise organizations. At
about 500 bytes per event that is 50 MB, so the response is streamed and only what the caller stores stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import ijson

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.pagination import JsonObject, text
from tokenaudit.hub.result import Failure
from tokenaudit.hub.transport import RequestAborted
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")

MOST_EVENTS = 100_000
"""Maximum number of events in an export."""

LARGEST_LOG = 1 << 30
"""Maximum size of an export in bytes; the rest is not read."""

LARGEST_EVENT = 1 << 20
"""Maximum size of one event in bytes; reading stops at a larger one."""

SECONDS = 300.0
"""Maximum time to read an export, in seconds."""


@dataclass(frozen=True)
class Event:
    """One event; `message` and `author` are untrusted text.

    `last4` is the last four characters of the access token that was used, `token_id` its id on the Hub.
    """

    id: str
    type: str
    message: str
    author: str | None
    date: datetime | None
    ip: str | None = None
    place: str | None = None
    token_id: str | None = None
    last4: str | None = None


@dataclass(frozen=True)
class LogRead(Generic[T]):
    """Result of reading a log: the caller's `result`, the number of `events` and the date of the `oldest`.

    `incomplete` is the reason why events can be missing, apart from those that the export omits; otherwise empty.
    """

    result: T
    events: int
    oldest: datetime | None
    incomplete: str = ""

    def reaches(self, since: datetime) -> bool:
        """Return whether the export, which is limited to the newest events, goes back to `since`."""
        return self.events < MOST_EVENTS or (self.oldest is not None and self.oldest < since)


def read_log(
    hub: Hub, organization: str, secret: Secret | None, fold: Callable[[Iterator[Event]], T]
) -> LogRead[T] | Failure:
    """Pass an iterator of all events to `fold` and return its result.

    If the log ends early or contains malformed data, `fold` receives the events that could be read, and the result is
    marked incomplete. `fold` is called again if the request is retried.
    """

    def fetch(_api: HfApi, token: Token) -> object:
        url = f"{hub.endpoint}/api/organizations/{organization}/audit-log/export"
        with hub.stream(url, token) as response:
            reading = _Reading(response.iter_bytes())
            result = fold(iter(reading))
            for _ in reading:  # consume what `fold` did not read
                pass
        return LogRead(result, reading.count, reading.oldest, reading.incomplete)

    answer = hub.ask(fetch, secret, deadline=SECONDS, largest=LARGEST_LOG)
    if isinstance(answer, Failure):
        return answer
    log: LogRead[T] = answer.body
    return log


@dataclass
class _Reading:
    """Parses the events of a response while it is received; can be iterated once."""

    chunks: Iterable[bytes]
    count: int = 0
    odd: int = 0
    oldest: datetime | None = None
    broken: str = ""
    _events: Iterator[Event] | None = field(default=None, init=False)

    @property
    def incomplete(self) -> str:
        odd = f"{self.odd:,} entries are not events" if self.odd else ""
        return "; ".join(filter(None, (self.broken, odd)))

    def __iter__(self) -> Iterator[Event]:
        if self._events is None:
            self._events = self._read()
        return self._events

    def _read(self) -> Iterator[Event]:
        try:
            for item in _items(self.chunks):
                if not isinstance(item, dict) or not text(item.get("type")):
                    self.odd += 1
                    continue
                event = _event(item)
                self.count += 1
                if event.date is not None and (self.oldest is None or event.date < self.oldest):
                    self.oldest = event.date
                yield event
        except RequestAborted as stopped:
            if not self.count:
                raise
            self.broken = f"only the newest {self.count:,} events were read: {stopped.message}"
        except Exception as error:
            # The errors of both HTTP backends of the library, and of the parser for an array that ends early.
            if not self.count:
                raise
            self.broken = (
                f"only the newest {self.count:,} events were read: the log ended early ({type(error).__name__})"
            )


def _items(chunks: Iterable[bytes]) -> Iterator[object]:
    """Yield the items of a JSON array as they become complete.

    Raises:
        ValueError: the document is not an array.
        ijson.JSONError: the document is not valid JSON, or is truncated.
        RequestAborted: an item is too large.
    """
    items = ijson.sendable_list()
    parser = ijson.items_coro(items, "item", use_float=True)
    size, started = 0, False
    for chunk in chunks:
        if not started and chunk.strip():
            started = True
            if not chunk.lstrip().startswith(b"["):
                raise ValueError
        broken: Exception | None = None
        try:
            parser.send(chunk)
        except ijson.JSONError as error:
            broken = error  # yield the items before it in the same chunk first
        size = 0 if items else size + len(chunk)
        yield from items
        del items[:]
        if broken is not None:
            raise broken
        if size > LARGEST_EVENT:
            raise RequestAborted(kind="oversized", message=f"an event is larger than {LARGEST_EVENT >> 20} MiB")
    parser.close()
    yield from items


def _event(item: JsonObject) -> Event:
    author, token, location = (_part(item, key) for key in ("author", "token", "location"))
    return Event(
        text(item.get("_id")),
        text(item.get("type")),
        text(item.get("message")),
        text(author.get("user")) or None,
        parse_timestamp(item.get("createdAt")),
        text(item.get("ip")) or None,
        text(location.get("formatted")) or None,
        text(token.get("id")) or None,
        text(token.get("last4")) or None,
    )


def _part(item: JsonObject, key: str) -> JsonObject:
    part = item.get(key)
    return part if isinstance(part, dict) else {}
