"""Revocation of leaked credentials: `POST /api/credentials/revoke`.

Source: the Hub's OpenAPI document. The endpoint accepts 1 to 1000 values of 1 to 200 characters, no `Authorization`
header, and always returns 202, so a response proves nothing: the proof is a later whoami that rejects the value. It
can't be undone, but is idempotent, so it can be retried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenaudit.hub.client import Hub
from tokenaudit.hub.raw_request import post
from tokenaudit.hub.result import Failure, Reply, Result
from tokenaudit.secret import Secret

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
