"""Jobs and scheduled Jobs of a namespace. Plain JSON: the library's wrapper drops which token a Job carries."""

from __future__ import annotations

from typing import Literal

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import Item, listed, objects
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret


def jobs(
    hub: Hub, namespace: str, kind: Literal["jobs", "scheduled-jobs"], secret: Secret | None
) -> list[Item] | Failure:
    """All of them, finished ones included as long as the Hub lists them."""
    answer = listed(hub, f"/api/{kind}/{namespace}", secret)
    return answer if isinstance(answer, Failure) else list(objects(answer))
