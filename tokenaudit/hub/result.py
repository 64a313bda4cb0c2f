"""Result of a Hub request: a reply, or the reason for its failure. Plain data that contains no request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from tokenaudit.text import one_line

ErrorKind: TypeAlias = Literal[
    "refused", "limited", "server", "timeout", "unreachable", "network", "redirect", "malformed", "oversized",
    "offline", "unavailable", "not-asked",
]  # fmt: skip
"""Reason for a failure.

The server refused (4xx), rate limited (429) or failed (5xx) the request; timed out; the connection failed or broke; the
response was a redirect to another origin, malformed or too large. Or the request was not sent: because of the
configuration, because earlier requests had no response, or because it can't be sent."""

TRANSIENT: frozenset[ErrorKind] = frozenset({"limited", "server", "timeout", "unreachable", "network", "malformed"})
"""Kinds of errors for which a retry can succeed."""

_TOO_MANY_REQUESTS = 429
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


def error_kind(status: int) -> ErrorKind:
    """Return the kind of error for an HTTP status other than a success."""
    if status == _TOO_MANY_REQUESTS:
        return "limited"
    if status in _REDIRECTS:
        return "redirect"
    return "server" if status in _SERVER_ERRORS else "refused"


@dataclass(frozen=True)
class Reply:
    """A success. `body` is the parsed JSON, or the return value of huggingface_hub's wrapper."""

    status: int
    body: Any


@dataclass(frozen=True)
class Failure:
    """A failure and its reason: the HTTP `status`, if any, and the Hub's message, made printable."""

    kind: ErrorKind
    status: int | None
    message: str
    attempts: int = 1


Result: TypeAlias = Reply | Failure

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class PagedListing(Generic[ItemT]):
    """The items of all pages of a listing. `incomplete` is the reason why some can be missing; empty if complete."""

    items: tuple[ItemT, ...] = ()
    incomplete: str = ""

    def __iter__(self) -> Iterator[ItemT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def printable(text: str, *, limit: int = 300) -> str:
    """Return `text` as a single line of at most `limit` characters.

    Credentials, which servers can echo, are masked and unprintable characters escaped.
    """
    return one_line(text, limit)
