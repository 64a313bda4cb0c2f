"""POST requests whose body holds credentials, sent without huggingface_hub, whose debug log would print it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from tokenaudit._version import __version__
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result
from tokenaudit.secret import Secret

_TOO_MANY = 429
_SERVER_ERROR = 500
_REDIRECTS = range(300, 400)
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
    retry_policy = hub.rate_limiter.retry_policy
    attempt = 0
    while True:
        attempt += 1
        outcome: list[tuple[Result, dict[str, str]]] = []
        arguments = (hub, path, body, secret, expected, outcome)
        thread = threading.Thread(target=_post, args=arguments, daemon=True, name="tokenaudit-post")
        thread.start()
        thread.join(hub.deadline)
        slow = Failure("timeout", None, "the answer took too long; whether it was accepted is not known")
        answer, headers = outcome[0] if outcome else (slow, {})
        hub.rate_limiter.saw(headers)
        if isinstance(answer, Reply) or answer.trouble not in TRANSIENT:
            return answer
        pause = hub.rate_limiter.backoff(attempt, headers)
        if attempt >= retry_policy.attempts or pause > retry_policy.longest_wait:
            return answer
        hub.rate_limiter.sleep(pause)


def _post(
    hub: Hub,
    path: str,
    body: Mapping[str, object] | None,
    secret: Secret | None,
    expected: Sequence[int],
    outcome: list[tuple[Result, dict[str, str]]],
) -> None:
    from http.client import HTTPException  # noqa: PLC0415 - slow to load
    from urllib.error import HTTPError  # noqa: PLC0415 - as above
    from urllib.request import (  # noqa: PLC0415 - as above
        HTTPHandler,
        HTTPRedirectHandler,
        HTTPSHandler,
        Request,
        build_opener,
    )

    class Stay(HTTPRedirectHandler):
        """Follows nothing: the values are for the configured endpoint alone."""

        def redirect_request(self, *_arguments: object, **_more: object) -> None:
            return None

    headers = {"Content-Type": "application/json", "User-Agent": f"tokenaudit/{__version__}"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret.reveal()}"
    data = json.dumps(body if body is not None else {}).encode()
    request = Request(hub.endpoint + path, data, headers, method="POST")  # noqa: S310 - the endpoint is https or loopback
    # A debug level of zero, said aloud, keeps http.client from printing the body when a host program turned that on.
    opener = build_opener(HTTPHandler(debuglevel=0), HTTPSHandler(debuglevel=0), Stay)
    try:
        with opener.open(request, timeout=hub.timeout) as response:
            status, seen = response.status, {name.lower(): value for name, value in response.headers.items()}
    except HTTPError as error:
        status, seen = error.code, {name.lower(): value for name, value in error.headers.items()}
        error.close()
    except TimeoutError:
        outcome.append((Failure("timeout", None, "the answer took too long"), {}))
        return
    except (OSError, HTTPException) as error:
        outcome.append((Failure("network", None, f"no answer from {hub.endpoint} ({type(error).__name__})"), {}))
        return
    outcome.append((_judged(status, expected), seen))


def _judged(status: int, expected: Sequence[int]) -> Result:
    if status in (expected or _SUCCESS):
        return Reply(status, None)
    trouble: ErrorKind = "refused"
    if status == _TOO_MANY:
        trouble = "limited"
    elif status >= _SERVER_ERROR:
        trouble = "server"
    elif status in _REDIRECTS:
        trouble = "redirect"
    wanted = f" instead of {expected[0]}" if expected else ""
    return Failure(trouble, status, f"the Hub answered with status {status}{wanted}")
