"""Shutting a credential out of one organization: it keeps working everywhere else. For Enterprise administrators.

The Hub documents two forms that contradict each other, and which of them is live is not known: by value
(`POST /api/organizations/{org}/settings/tokens/revoke`, hub-docs enterprise-tokens-management.md, August 2026) and by
the token's id (`POST /api/organizations/{name}/settings/tokens/{tokenId}/revoke`, OpenAPI document since August 2026).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenaudit.hub.client import Hub
from tokenaudit.hub.raw_post import post
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class ShutOut:
    """Whether one of the two forms was accepted, and a line on each that was tried or left out."""

    accepted: bool
    tried: tuple[str, ...]


def shut_out(hub: Hub, organization: str, secret: Secret, *, admin: Secret, token_id: str | None = None) -> ShutOut:
    """Tries both forms, by value first, as `admin`. PERMANENT for this organization.

    `token_id` (24 hex digits, as in the organization's audit log) is what the second form needs.
    """
    if not _NAME.fullmatch(organization):
        return ShutOut(accepted=False, tried=(f"{organization!r} can't be an organization's name: nothing was sent",))
    if secret == admin:
        return ShutOut(accepted=False, tried=("a token can't shut out itself: use another administrator's token",))
    base = f"/api/organizations/{organization}/settings/tokens"
    tried = []
    answer = post(hub, f"{base}/revoke", {"token": secret.reveal()}, secret=admin)
    tried.append(f"by value: {_said(answer)}")
    if isinstance(answer, Reply):
        return ShutOut(accepted=True, tried=tuple(tried))
    if token_id is None or not _ID.fullmatch(token_id):
        tried.append("by id: left out, it needs --token-id (24 hex digits from the organization's audit log)")
        return ShutOut(accepted=False, tried=tuple(tried))
    answer = post(hub, f"{base}/{token_id}/revoke", None, secret=admin)
    tried.append(f"by id: {_said(answer)}")
    return ShutOut(accepted=isinstance(answer, Reply), tried=tuple(tried))


def _said(answer: Reply | Failure) -> str:
    return f"accepted with status {answer.status}" if isinstance(answer, Reply) else answer.message
