"""POST requests whose body holds credentials, sent without huggingface_hub, whose debug log would print it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tokenaudit._version import __version__
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import ErrorKind, Failure, Reply, Result, error_kind
from tokenaudit.secret import Secret

_SUCCESS = range(200, 300)


def post(
    hub: Hub,
    path: str,
    body: Mapping[str, object] | None,
    *,
    secret: Secret | None = None,
    expected: Sequence[int] = (),
) -> Result:
    """Sends `body` as JSON to `path` of `hub`'s endpoint and nowhere else, with retries within the hub's patience.

    `secret` authenticates the call; without it there is no `Authorization` header. A success is a status among
    `expected`, or any 2xx where nothing is expected; its body is not read.
    """

    def attempt() -> tuple[Result, Mapping[str, str]]:
        slow = Failure("timeout", None, "the answer took too long; whether it was accepted is not known")
        return hub.within(hub.deadline, lambda: _posted(hub, path, body, secret, expected)) or (slow, {})

    return hub.send(attempt)


def _posted(
    hub: Hub, path: str, body: Mapping[str, object] | None, secret: Secret | None, expected: Sequence[int]
) -> tuple[Result, Mapping[str, str]]:
    from http.client import HTTPException  # noqa: PLC0415 - slow to load
    from urllib.error import HTTPError, URLError  # noqa: PLC0415 - as above
    from urllib.request import (  # noqa: PLC0415 - as above
        HTTPHandler,
        HTTPRedirectHandler,
        HTTPSHandler,
        Request,
        build_opener,
    )

    class NoRedirect(HTTPRedirectHandler):
        """Follows nothing: the values are for the configured endpoint alone."""

        def redirect_request(self, *_arguments: object, **_more: object) -> None:
            return None

    headers = {"Content-Type": "application/json", "User-Agent": f"tokenaudit/{__version__}"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret.reveal()}"
    data = json.dumps(body if body is not None else {}).encode()
    request = Request(hub.endpoint + path, data, headers, method="POST")  # noqa: S310 - the endpoint is https or loopback
    # A debug level of zero, said aloud, keeps http.client from printing the body when a host program turned that on.
    opener = build_opener(HTTPHandler(debuglevel=0), HTTPSHandler(debuglevel=0), NoRedirect)
    try:
        with opener.open(request, timeout=hub.timeout) as response:
            status, seen = response.status, response.headers
    except HTTPError as error:
        status, seen = error.code, error.headers
        error.close()
    except TimeoutError:
        return Failure("timeout", None, "the answer took too long"), {}
    except (OSError, HTTPException) as error:
        # Urllib wraps what fails before the request is sent, and nothing else.
        kind: ErrorKind = "unreachable" if isinstance(error, URLError) else "network"
        return Failure(kind, None, f"no answer from {hub.endpoint} ({type(error).__name__})"), {}
    return _judged(status, expected), {name.lower(): value for name, value in seen.items()}


def _judged(status: int, expected: Sequence[int]) -> Result:
    if status in (expected or _SUCCESS):
        return Reply(status, None)
    wanted = f" instead of {expected[0]}" if expected else ""
    return Failure(error_kind(status), status, f"the Hub answered with status {status}{wanted}")
