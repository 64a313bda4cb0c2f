"""Revocation of leaked credentials: `POST /api/credentials/revoke`.

Source: the Hub's OpenAPI document. The endpoint accepts 1 to 1000 values of 1 to 200 characters, no `Authorization`
header, and always returns 202, so a response proves nothing: the proof is a later whoami that rejects the value. It
can't be undone, but is idempotent, so it can be retried.

This is the only call that does not use huggingface_hub, whose debug log would print the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from tokenaudit._version import __version__
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import ErrorKind, Failure, Reply, Result, error_kind
from tokenaudit.hub.transport import PAGE_INSTEAD, is_page
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
    """Send `body` as JSON to `path` of `hub`'s endpoint only, with retries according to the hub's retry policy.

    `secret` authenticates the call; without it there is no `Authorization` header. A success is a status in
    `expected`, or any 2xx if `expected` is empty; its body is not read.
    """

    def attempt() -> tuple[Result, Mapping[str, str]]:
        slow = Failure("timeout", None, "the response took too long; the result is unknown")
        return hub.within(hub.deadline, lambda: _posted(hub, path, body, secret, expected)) or (slow, {})

    return hub.send(attempt)


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: the values are sent to the configured endpoint only."""

    def redirect_request(self, *_arguments: object, **_more: object) -> None:
        return None


def _posted(
    hub: Hub, path: str, body: Mapping[str, object] | None, secret: Secret | None, expected: Sequence[int]
) -> tuple[Result, Mapping[str, str]]:
    headers = {"Content-Type": "application/json", "User-Agent": f"tokenaudit/{__version__}"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret.reveal()}"
    data = json.dumps(body if body is not None else {}).encode()
    request = Request(hub.endpoint + path, data, headers, method="POST")  # noqa: S310 - the endpoint is https or loopback
    # An explicit debug level of zero keeps http.client from printing the body if a host program enabled that.
    opener = build_opener(HTTPHandler(debuglevel=0), HTTPSHandler(debuglevel=0), _NoRedirect)
    try:
        with opener.open(request, timeout=hub.timeout) as response:
            status, seen = response.status, response.headers
    except HTTPError as error:
        status, seen = error.code, error.headers
        error.close()
    except TimeoutError:
        return Failure("timeout", None, "the response took too long"), {}
    except (OSError, HTTPException) as error:
        # urllib wraps only errors that occur before the request is sent.
        kind: ErrorKind = "unreachable" if isinstance(error, URLError) else "network"
        return Failure(kind, None, f"no response from {hub.endpoint} ({type(error).__name__})"), {}
    if status in _SUCCESS and is_page(seen.get("content-type")):
        return Failure("malformed", status, PAGE_INSTEAD), {}
    return _judged(status, expected), {name.lower(): value for name, value in seen.items()}


def _judged(status: int, expected: Sequence[int]) -> Result:
    if status in (expected or _SUCCESS):
        return Reply(status, None)
    wanted = f" instead of {expected[0]}" if expected else ""
    return Failure(error_kind(status), status, f"the Hub returned status {status}{wanted}")


LARGEST_BATCH = 1000
LONGEST_VALUE = 200
_ACCEPTED = 202


@dataclass(frozen=True)
class Revocation:
    """Result for each credential, by fingerprint: accepted by the Hub, or skipped and why."""

    accepted: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def revoke(hub: Hub, secrets: Sequence[Secret]) -> Revocation:
    """Send each unique value to `hub`'s endpoint to be revoked. IRREVERSIBLE: get the owner's consent first.

    Values that the endpoint can't accept (longer than 200 characters, such as JWTs) are skipped and reported.
    If a batch is not accepted, the batches after it are not sent.
    """
    left_out: list[tuple[str, str]] = []
    fit: list[Secret] = []
    for secret in dict.fromkeys(secrets):
        length = len(secret.reveal())
        if 1 <= length <= LONGEST_VALUE:
            fit.append(secret)
        else:
            reason = f"the Hub accepts values of 1 to {LONGEST_VALUE} characters, not {length}"
            left_out.append((secret.fingerprint, reason))
    accepted: list[str] = []
    last_failure: Failure | None = None
    for batch in _batches(fit):
        if last_failure is None:
            answer = _send(hub, batch)
            if isinstance(answer, Reply):
                accepted += [secret.fingerprint for secret in batch]
                continue
            last_failure = answer
        left_out += [(secret.fingerprint, f"not accepted: {last_failure.message}") for secret in batch]
    return Revocation(tuple(accepted), tuple(left_out))


def _batches(secrets: Sequence[Secret]) -> Iterator[Sequence[Secret]]:
    for start in range(0, len(secrets), LARGEST_BATCH):
        yield secrets[start : start + LARGEST_BATCH]


def _send(hub: Hub, batch: Sequence[Secret]) -> Result:
    body = {"credentials": [secret.reveal() for secret in batch]}
    return post(hub, "/api/credentials/revoke", body, expected=(_ACCEPTED,))


_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class OrganizationRevocation:
    """Whether one of the two forms was accepted, and a message for each that was tried or skipped."""

    accepted: bool
    tried: tuple[str, ...]


def revoke_in_organization(
    hub: Hub, organization: str, secret: Secret, *, admin: Secret, token_id: str | None = None
) -> OrganizationRevocation:
    """Try both forms as `admin`, by value first. PERMANENT for this organization.

    `token_id` (24 hex digits, from the organization's audit log) is required for the second form.
    """
    if not _NAME.fullmatch(organization):
        return OrganizationRevocation(
            accepted=False, tried=(f"invalid organization name {organization!r}; nothing was sent",)
        )
    if secret == admin:
        return OrganizationRevocation(
            accepted=False, tried=("a token can't revoke its own access; use another administrator's token",)
        )
    base = f"/api/organizations/{organization}/settings/tokens"
    tried = []
    answer = post(hub, f"{base}/revoke", {"token": secret.reveal()}, secret=admin)
    tried.append(f"by value: {_describe(answer)}")
    if isinstance(answer, Reply):
        return OrganizationRevocation(accepted=True, tried=tuple(tried))
    if token_id is None or not _ID.fullmatch(token_id):
        tried.append("by id: not tried, needs --token-id (24 hex digits from the audit log of the organization)")
        return OrganizationRevocation(accepted=False, tried=tuple(tried))
    answer = post(hub, f"{base}/{token_id}/revoke", None, secret=admin)
    tried.append(f"by id: {_describe(answer)}")
    return OrganizationRevocation(accepted=isinstance(answer, Reply), tried=tuple(tried))


def _describe(answer: Reply | Failure) -> str:
    return f"accepted with status {answer.status}" if isinstance(answer, Reply) else answer.message
