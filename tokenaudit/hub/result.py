"""What came of asking the Hub: an answer, or the reason why there is none. Plain data, free of any request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from tokenaudit.text import one_line

ErrorKind: TypeAlias = Literal[
    "refused", "limited", "server", "timeout", "unreachable", "network", "redirect", "malformed", "oversized",
    "offline", "unavailable", "not-asked",
]  # fmt: skip
"""Why an answer is missing.

The server refused (4xx), limits (429) or failed (5xx); was too slow; no connection came about, or one broke; it pointed
elsewhere, answered something other than promised, or too much. Or nothing was sent: by configuration, because earlier
requests were left unanswered, or because it can't be sent."""

TRANSIENT: frozenset[ErrorKind] = frozenset({"limited", "server", "timeout", "unreachable", "network", "malformed"})
"""Kinds of errors that can be gone on the next try."""

_TOO_MANY_REQUESTS = 429
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


def error_kind(status: int) -> ErrorKind:
    """The kind of error that an HTTP status other than a success is."""
    if status == _TOO_MANY_REQUESTS:
        return "limited"
    if status in _REDIRECTS:
        return "redirect"
    return "server" if status in _SERVER_ERRORS else "refused"


@dataclass(frozen=True)
class Reply:
    """A success. `body` is the parsed JSON, or what the wrapper of huggingface_hub made of it."""

    status: int
    body: Any


@dataclass(frozen=True)
class Failure:
    """No answer, and why: the HTTP `status` where there was one, and the Hub's words, made printable."""

    kind: ErrorKind
    status: int | None
    message: str
    attempts: int = 1


Result: TypeAlias = Reply | Failure

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class PagedListing(Generic[ItemT]):
    """The items of a listing, of all its pages. `incomplete` says why some can be missing; empty where none are."""

    items: tuple[ItemT, ...] = ()
    incomplete: str = ""

    def __iter__(self) -> Iterator[ItemT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def printable(text: str, *, limit: int = 300) -> str:
    """One line of at most `limit` characters without credentials (a server can echo them), unprintables escaped."""
    return one_line(text, limit)
