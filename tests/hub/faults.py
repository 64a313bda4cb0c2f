"""What can go wrong between a client and the Hub, scripted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JSON = "application/json; charset=utf-8"
INVALID = "Invalid credentials in Authorization header"

Behaviour: TypeAlias = Literal["answer", "reset", "truncate", "drip-body", "drip-headers", "hang"]


@dataclass(frozen=True)
class Fault:
    """One answer out of the ordinary.

    `answer` sends it whole; `reset` closes the connection before a byte; `truncate` promises more body than it sends;
    `drip-…` sends a byte every `pause` seconds for as long as the client stays; `hang` sends nothing for that long.
    """

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    behaviour: Behaviour = "answer"
    pause: float = 0.05


def error(status: int, message: str, **headers: str) -> Fault:
    """The Hub's own error shape: the text in the body and in a header."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, {"X-Error-Message": message, **spelled}, json.dumps({"error": message}).encode())


def html(status: int, text: str = "Bad Gateway") -> Fault:
    """A page where JSON was due."""
    return Fault(status, {"Content-Type": "text/html"}, f"<html><body><h1>{text}</h1></body></html>".encode())


def rate_limited(remaining: int = 0, reset: int = 55, *, retry_after: int | None = None) -> Fault:
    """A 429 with the Hub's rate limit headers; `remaining > 0` means some other, unpublished limit."""
    headers = {
        "RateLimit": f'"api";r={remaining};t={reset}',
        "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
        "X-Error-Message": "Too Many Requests",
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Fault(429, headers, b'{"error": "Too Many Requests"}')


def redirect(location: str, status: int = 302) -> Fault:
    """A redirect to `location`."""
    return Fault(status, {"Location": location})
