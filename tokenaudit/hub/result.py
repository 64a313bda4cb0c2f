"""What came of asking the Hub: an answer, or the reason why there is none. Plain data, free of any request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

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


_CREDENTIAL = re.compile(r"(?:hf|api_org|oauth_app_secret)_[A-Za-z0-9_.-]{20,}|eyJ[A-Za-z0-9_.-]{20,}")


def masked(text: str, value: str | None = None) -> str:
    """`text` without `value`, and without anything else that looks like a credential: a server may echo what it got."""
    if value:
        text = text.replace(value, "****")
    return _CREDENTIAL.sub("****", text)


def printable(text: str, *, limit: int = 300) -> str:
    """One line of at most `limit` characters, with anything unprintable escaped."""
    line = " ".join(text[: 4 * limit].split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
