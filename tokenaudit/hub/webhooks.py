"""Webhooks of the token's own account: the Hub lists no others."""

from __future__ import annotations

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import Item
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret


def webhooks(hub: Hub, secret: Secret | None) -> list[Item] | Failure:
    """All of them. Their secrets are never shown, only whether there is one."""
    answer = hub.get("/api/settings/webhooks", secret)
    if isinstance(answer, Failure):
        return answer
    return [item for item in answer.body if isinstance(item, dict)] if isinstance(answer.body, list) else []
