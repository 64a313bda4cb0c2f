"""What came of asking the Hub: an answer, or the reason why there is none. Plain data, free of any request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tokenaudit.text import one_line

ErrorKind: TypeAlias = Literal[
    "refused", "limited", "server", "timeout", "network", "redirect", "malformed", "oversized", "offline", "not-asked"
]
"""Why an answer is missing: the Hub refused (4xx), limits (429), failed (5xx), was too slow, could not be reached,
pointed elsewhere, answered something other than promised, or answered too much; or nothing was sent at all."""

TRANSIENT: frozenset[ErrorKind] = frozenset({"limited", "server", "timeout", "network", "malformed"})
"""Troubles that may be gone on the next try."""


@dataclass(frozen=True)
class Reply:
    """A success. `body` is the parsed JSON, or what the wrapper of huggingface_hub made of it."""

    status: int
    body: Any


@dataclass(frozen=True)
class Failure:
    """No answer, and why: the HTTP `status` where there was one, and the Hub's words, made printable."""

    trouble: ErrorKind
    status: int | None
    message: str
    attempts: int = 1


Result: TypeAlias = Reply | Failure


def printable(text: str, *, limit: int = 300) -> str:
    """One line of at most `limit` characters without credentials (a server can echo them), unprintables escaped."""
    return one_line(text, limit)
