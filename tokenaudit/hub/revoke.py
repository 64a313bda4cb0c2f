"""Invalidating leaked credentials for everyone, everywhere: `POST /api/credentials/revoke`.

Source: the Hub's OpenAPI document. The call takes 1 to 1000 values of 1 to 200 characters, no `Authorization` header,
and answers 202 whatever was sent, so an answer proves nothing: the proof is a later whoami that refuses the value. It
can't be undone, but repeating it does no harm, so it may be retried.

This is the one call that does not go through huggingface_hub, whose debug log would print the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenaudit.hub.client import Hub
from tokenaudit.hub.raw_post import post
from tokenaudit.hub.result import Failure, Reply, Result
from tokenaudit.secret import Secret

LARGEST_BATCH = 1000
LONGEST_VALUE = 200
_ACCEPTED = 202


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


def _send(hub: Hub, batch: Sequence[Secret]) -> Result:
    body = {"credentials": [secret.reveal() for secret in batch]}
    return post(hub, "/api/credentials/revoke", body, expected=(_ACCEPTED,))


_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class OrganizationRevocation:
    """Whether one of the two forms was accepted, and a line on each that was tried or left out."""

    accepted: bool
    tried: tuple[str, ...]


def revoke_in_organization(
    hub: Hub, organization: str, secret: Secret, *, admin: Secret, token_id: str | None = None
) -> OrganizationRevocation:
    """Tries both forms, by value first, as `admin`. PERMANENT for this organization.

    `token_id` (24 hex digits, as in the organization's audit log) is what the second form needs.
    """
    if not _NAME.fullmatch(organization):
        return OrganizationRevocation(
            accepted=False, tried=(f"{organization!r} can't be an organization's name: nothing was sent",)
        )
    if secret == admin:
        return OrganizationRevocation(
            accepted=False, tried=("a token can't shut out itself: use another administrator's token",)
        )
    base = f"/api/organizations/{organization}/settings/tokens"
    tried = []
    answer = post(hub, f"{base}/revoke", {"token": secret.reveal()}, secret=admin)
    tried.append(f"by value: {_said(answer)}")
    if isinstance(answer, Reply):
        return OrganizationRevocation(accepted=True, tried=tuple(tried))
    if token_id is None or not _ID.fullmatch(token_id):
        tried.append("by id: left out, it needs --token-id (24 hex digits from the organization's audit log)")
        return OrganizationRevocation(accepted=False, tried=tuple(tried))
    answer = post(hub, f"{base}/{token_id}/revoke", None, secret=admin)
    tried.append(f"by id: {_said(answer)}")
    return OrganizationRevocation(accepted=isinstance(answer, Reply), tried=tuple(tried))


def _said(answer: Reply | Failure) -> str:
    return f"accepted with status {answer.status}" if isinstance(answer, Reply) else answer.message
