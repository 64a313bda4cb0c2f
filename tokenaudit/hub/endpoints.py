"""Inference endpoints, which a service beside the Hub keeps.

huggingface_hub names its address as a constant (`INFERENCE_ENDPOINTS_ENDPOINT`) that no setting changes. The token
goes there only when the Hub asked is the public one, or where the address was given.
"""

from __future__ import annotations

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import DEFAULT
from tokenaudit.hub.pagination import Item
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret

SERVICE = "https://api.endpoints.huggingface.cloud"


def endpoints(hub: Hub, namespace: str, secret: Secret | None, service: str | None = None) -> list[Item] | Failure:
    """The inference endpoints of a namespace, as the service at `service` describes them.

    Raises:
        EndpointError: a credential may not be sent to `service`.
    """
    if service is None and hub.endpoint != DEFAULT:
        return Failure("not-asked", None, "this Hub is known to have no inference endpoints service", 0)
    beside = Hub(
        service or SERVICE, timeout=hub.timeout, deadline=hub.deadline, patience=hub.pacer.patience, own_token=False
    )
    answer = beside.get(f"/v2/endpoint/{namespace}", secret)
    if isinstance(answer, Failure):
        return answer
    items = answer.body.get("items") if isinstance(answer.body, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
