"""Collections of a namespace: their titles, descriptions and the notes on their items."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import Item, listed, objects, text
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret


def collections(hub: Hub, namespace: str, secret: Secret | None) -> list[Item] | Failure:
    """The collections that `secret` may see; a listing shows only the first few items of each."""
    answer = listed(hub, "/api/collections", secret, {"owner": namespace, "limit": 100})
    return answer if isinstance(answer, Failure) else list(objects(answer))


def collection(hub: Hub, slug: str, secret: Secret | None) -> Item | Failure:
    """One collection with all its items."""
    answer = hub.get(f"/api/collections/{slug}", secret)
    if isinstance(answer, Failure):
        return answer
    return answer.body if isinstance(answer.body, dict) else {}


def texts(item: Item) -> Iterator[tuple[str, str]]:
    """Every text that people wrote in a collection: where it stands, and the text."""
    for key in ("title", "description"):
        yield key, text(item.get(key))
    for number, entry in enumerate(item.get("items") or (), start=1):
        note = entry.get("note") if isinstance(entry, dict) else None
        yield f"note on item {number}", text(note.get("text")) if isinstance(note, dict) else text(note)
