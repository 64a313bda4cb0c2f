"""Requests whose body or response contains a credential's value, and those that change something.

These are the only calls that do not use huggingface_hub, whose debug log would print the body, and whose retries would
repeat a request that is not idempotent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Literal, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from tokenaudit._version import __version__
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result, error_kind, printable
from tokenaudit.hub.transport import PAGE_INSTEAD, is_page
from tokenaudit.secret import Secret

Method: TypeAlias = Literal["POST", "PATCH", "DELETE"]

NOT_DONE: frozenset[ErrorKind] = frozenset({"refused", "limited", "unreachable", "offline", "unavailable", "not-asked"})
"""Kinds of failures after which the Hub has certainly not acted on the request. After any other it is unknown."""

_SUCCESS = range(200, 300)
_LARGEST_BODY = 1 << 20
_LARGEST_ERROR = 2000
_REPEATABLE: frozenset[ErrorKind] = frozenset({"limited", "unreachable"})
"""Kinds of failures after which even a request that is not idempotent can be sent again."""


@dataclass(frozen=True)
class _Sent:
    """One request. `expected` are the statuses of a success (empty: any 2xx); `reads` is whether its body is read."""

    method: Method
    path: str
    body: Mapping[str, object] | None
    secret: Secret | None
    expected: Sequence[int] = ()
    reads: bool = False


def post(
    hub: Hub,
    path: str,
    body: Mapping[str, object] | None,
    *,
    secret: Secret | None = None,
    expected: Sequence[int] = (),
) -> Result:
    """Send `body` as JSON to `path` of `hub`'s endpoint only, with retries according to the hub's retry policy.

    `secret` authenticates the call; without it there is no `Authorization` header. A success is a status in
    `expected`, or any 2xx if `expected` is empty; its body is not read.
    """
    return _send(hub, _Sent("POST", path, body, secret, expected), TRANSIENT)


def change(
    hub: Hub,
    method: Method,
    path: str,
    body: Mapping[str, object] | None,
    secret: Secret,
    *,
    idempotent: bool,
) -> Result:
    """Send a request that changes something, and return the JSON of the response (None for an empty one).

    A request that is not `idempotent` is repeated only if the Hub has certainly not acted on it.
    """
    return _send(hub, _Sent(method, path, body, secret, reads=True), TRANSIENT if idempotent else _REPEATABLE)


def _send(hub: Hub, request: _Sent, retried: frozenset[ErrorKind]) -> Result:
    def attempt() -> tuple[Result, Mapping[str, str]]:
        slow = Failure("timeout", None, "the response took too long; the result is unknown")
        return hub.within(hub.deadline, lambda: _sent(hub, request)) or (slow, {})

    return hub.send(attempt, retried=retried)


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: the values are sent to the configured endpoint only."""

    def redirect_request(self, *_arguments: object, **_more: object) -> None:
        return None


def _sent(hub: Hub, sent: _Sent) -> tuple[Result, Mapping[str, str]]:
    headers = {"Content-Type": "application/json", "User-Agent": f"tokenaudit/{__version__}"}
    if sent.secret is not None:
        headers["Authorization"] = f"Bearer {sent.secret.reveal()}"
    data = json.dumps(sent.body if sent.body is not None else {}).encode() if sent.method != "DELETE" else None
    request = Request(hub.endpoint + sent.path, data, headers, method=sent.method)  # noqa: S310 - https or loopback
    # An explicit debug level of zero keeps http.client from printing the body if a host program enabled that.
    opener = build_opener(HTTPHandler(debuglevel=0), HTTPSHandler(debuglevel=0), _NoRedirect)
    content = b""
    try:
        with opener.open(request, timeout=hub.timeout) as response:
            status, seen = response.status, response.headers
            if sent.reads:
                content = response.read(_LARGEST_BODY + 1)
    except HTTPError as error:
        status, seen = error.code, error.headers
        content = _error_text(error) if sent.reads else b""
        error.close()
    except TimeoutError:
        return Failure("timeout", None, "the response took too long"), {}
    except (OSError, HTTPException) as error:
        # urllib wraps only errors that occur before the request is sent.
        kind: ErrorKind = "unreachable" if isinstance(error, URLError) and _not_connected(error) else "network"
        return Failure(kind, None, f"no response from {hub.endpoint} ({type(error).__name__})"), {}
    if status in _SUCCESS and is_page(seen.get("content-type")):
        return Failure("malformed", status, PAGE_INSTEAD), {}
    return _judged(status, sent, content, seen), {name.lower(): value for name, value in seen.items()}


def _not_connected(error: URLError) -> bool:
    """Return whether there was no connection: after a reset the request could have arrived."""
    return not isinstance(error.reason, (ConnectionResetError, BrokenPipeError))


def _error_text(error: HTTPError) -> bytes:
    try:
        return error.read(_LARGEST_ERROR)
    except (OSError, HTTPException):
        return b""


def _judged(status: int, sent: _Sent, content: bytes, headers: Mapping[str, str]) -> Result:
    if status in (sent.expected or _SUCCESS):
        if not sent.reads or not content:
            return Reply(status, None)
        try:
            return Reply(status, json.loads(content))
        except ValueError:
            return Failure("malformed", status, "the response is not JSON")
    wanted = f" instead of {sent.expected[0]}" if sent.expected else ""
    reason = _reason(content, headers)
    message = f"the Hub returned status {status}{wanted}{f': {reason}' if reason else ''}"
    return Failure(error_kind(status), status, message)


def _reason(content: bytes, headers: Mapping[str, str]) -> str:
    """Return the Hub's own words for a refusal; empty if there are none."""
    named = headers.get("x-error-message")
    if named:
        return printable(named)
    try:
        body = json.loads(content) if content else None
    except ValueError:
        return ""
    found = body.get("error") if isinstance(body, dict) else None
    return printable(found) if isinstance(found, str) else ""
