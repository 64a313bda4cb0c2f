"""Jobs and scheduled Jobs of a namespace. Plain JSON: the library's wrapper omits which token a Job uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import DEFAULT
from tokenaudit.hub.pagination import JsonObject, listed, malformed, text, with_items
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret


def jobs(
    hub: Hub, namespace: str, kind: Literal["jobs", "scheduled-jobs"], secret: Secret | None
) -> PagedListing[JsonObject] | Failure:
    """Return all Jobs, including finished ones as long as the Hub lists them."""
    return listed(hub, f"/api/{kind}/{namespace}", secret)


def webhooks(hub: Hub, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return all webhooks. The Hub never returns their secrets, only whether there is one."""
    answer = hub.get("/api/settings/webhooks", secret)
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer.body, list):
        return malformed("a list of webhooks", answer.status)
    return with_items(PagedListing(tuple(answer.body)), [item for item in answer.body if isinstance(item, dict)])


def collections(hub: Hub, namespace: str, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return the collections that `secret` can read; a listing contains only the first few items of each."""
    return listed(hub, "/api/collections", secret, {"owner": namespace, "limit": 100})


def collection(hub: Hub, slug: str, secret: Secret | None) -> JsonObject | Failure:
    """Return one collection with all its items."""
    answer = hub.get(f"/api/collections/{slug}", secret)
    if isinstance(answer, Failure):
        return answer
    return answer.body if isinstance(answer.body, dict) else malformed("a collection", answer.status)


def texts(item: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the location and content of every text in a collection that a user wrote."""
    for key in ("title", "description"):
        yield key, text(item.get(key))
    for number, entry in enumerate(item.get("items") or (), start=1):
        note = entry.get("note") if isinstance(entry, dict) else None
        yield f"note on item {number}", text(note.get("text")) if isinstance(note, dict) else text(note)


def network_security(hub: Hub, organization: str, secret: Secret | None) -> JsonObject | Failure:
    """Return the network rules of an organization. Needs `org.networkSecurity.read`."""
    answer = hub.get(f"/api/organizations/{organization}/settings/network-security", secret)
    if isinstance(answer, Failure):
        return answer
    return answer.body if isinstance(answer.body, dict) else malformed("network rules", answer.status)


def resource_groups(hub: Hub, organization: str, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return the resource groups of an organization that `secret` can see. Needs a Team plan or higher."""
    return listed(hub, f"/api/organizations/{organization}/resource-groups", secret)


def access_requests(
    hub: Hub, kind: Literal["model", "dataset"], repository: str, secret: Secret | None
) -> PagedListing[JsonObject] | Failure:
    """Return the pending access requests of a gated repository. They name people: keep only what is needed."""
    return listed(hub, f"/api/{kind}s/{repository}/user-access-request/pending", secret)


SERVICE = "https://api.endpoints.huggingface.cloud"


def endpoints(
    hub: Hub, namespace: str, secret: Secret | None, service: str | None = None
) -> PagedListing[JsonObject] | Failure:
    """Return the inference endpoints of a namespace, as the service at `service` describes them.

    Raises:
        EndpointError: a credential must not be sent to `service`.
    """
    if service is None and hub.endpoint != DEFAULT:
        return Failure("not-asked", None, "this Hub has no inference endpoints service", 0)
    beside = Hub(
        service or SERVICE,
        timeout=hub.timeout,
        deadline=hub.deadline,
        retry_policy=hub.rate_limiter.retry_policy,
        auditor_token=False,
    )
    answer = beside.get(f"/v2/endpoint/{namespace}", secret)
    if isinstance(answer, Failure):
        return answer
    items = answer.body.get("items") if isinstance(answer.body, dict) else None
    if not isinstance(items, list):
        return malformed("a list of inference endpoints", answer.status)
    return with_items(PagedListing(tuple(items)), [item for item in items if isinstance(item, dict)])
