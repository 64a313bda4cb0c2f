"""Invalidating leaked credentials for everyone, everywhere: `POST /api/credentials/revoke`.

Source: the Hub's OpenAPI document. The call takes 1 to 1000 values of 1 to 200 characters, no `Authorization` header,
and answers 202 whatever was sent, so an answer proves nothing: the proof is a later whoami that refuses the value. It
can't be undone, but repeating it does no harm, so it may be retried.

This is the one call that does not go through huggingface_hub, whose debug log would print the body.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenaudit._version import __version__
from tokenaudit.hub.answer import PASSING, Answer, Failure, Reply, Trouble
from tokenaudit.hub.client import Hub
from tokenaudit.secret import Secret

LARGEST_BATCH = 1000
LONGEST_VALUE = 200
_ACCEPTED = 202
_TOO_MANY = 429
_SERVER_ERROR = 500
_REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class Revocation:
    """What became of each credential, by fingerprint: accepted by the Hub, or left out and why."""

    accepted: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def revoke(hub: Hub, secrets: Sequence[Secret]) -> Revocation:
    """Sends each unique value to `hub`'s endpoint to be invalidated. IRREVERSIBLE: ask the owner first.

    Values that the endpoint can't take (longer than 200 characters, as JWT-bodied tokens are) are left out and said.
    When a batch is not accepted the batches after it are not sent.
    """
    left_out: list[tuple[str, str]] = []
    fit: list[Secret] = []
    for secret in dict.fromkeys(secrets):
        length = len(secret.reveal())
        if 1 <= length <= LONGEST_VALUE:
            fit.append(secret)
        else:
            reason = f"the Hub takes values of 1 to {LONGEST_VALUE} characters, this one has {length}"
            left_out.append((secret.fingerprint, reason))
    accepted: list[str] = []
    trouble: Failure | None = None
    for batch in _batches(fit):
        if trouble is None:
            answer = _send(hub, batch)
            if isinstance(answer, Reply):
                accepted += [secret.fingerprint for secret in batch]
                continue
            trouble = answer
        left_out += [(secret.fingerprint, f"not accepted: {trouble.message}") for secret in batch]
    return Revocation(tuple(accepted), tuple(left_out))


def _batches(secrets: Sequence[Secret]) -> Iterator[Sequence[Secret]]:
    for start in range(0, len(secrets), LARGEST_BATCH):
        yield secrets[start : start + LARGEST_BATCH]


def _send(hub: Hub, batch: Sequence[Secret]) -> Answer:
    patience = hub.pacer.patience
    attempt = 0
    while True:
        attempt += 1
        outcome: list[tuple[Answer, dict[str, str]]] = []
        thread = threading.Thread(target=_post, args=(hub, batch, outcome), daemon=True, name="tokenaudit-revoke")
        thread.start()
        thread.join(hub.deadline)
        slow = Failure("timeout", None, "the answer took too long; whether it was accepted is not known")
        answer, headers = outcome[0] if outcome else (slow, {})
        hub.pacer.saw(headers)
        if isinstance(answer, Reply) or answer.trouble not in PASSING:
            return answer
        pause = hub.pacer.backoff(attempt, headers)
        if attempt >= patience.attempts or pause > patience.longest_wait:
            return answer
        hub.pacer.sleep(pause)


def _post(hub: Hub, batch: Sequence[Secret], outcome: list[tuple[Answer, dict[str, str]]]) -> None:
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

    body = json.dumps({"credentials": [secret.reveal() for secret in batch]}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"tokenaudit/{__version__}"}
    request = Request(f"{hub.endpoint}/api/credentials/revoke", body, headers, method="POST")  # noqa: S310 - the endpoint is https or loopback
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
    outcome.append((_judged(status), seen))


def _judged(status: int) -> Answer:
    if status == _ACCEPTED:
        return Reply(status, None)
    trouble: Trouble = "refused"
    if status == _TOO_MANY:
        trouble = "limited"
    elif status >= _SERVER_ERROR:
        trouble = "server"
    elif status in _REDIRECTS:
        trouble = "redirect"
    return Failure(trouble, status, f"the Hub answered with status {status} instead of {_ACCEPTED}")
