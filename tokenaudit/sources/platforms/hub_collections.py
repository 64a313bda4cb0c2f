"""What people wrote in a namespace's collections: titles, descriptions, notes."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub.client import Hub
from tokenaudit.hub.namespace import collection, collections, texts
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Location, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined
from tokenaudit.timestamps import parse_timestamp


class CollectionsSource:
    """All collections of one namespace that the token may see."""

    kind = "collections"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str) -> None:
        self.target = f"collections/{namespace}"
        self._hub, self._secret, self._namespace = hub, secret, namespace

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Sightings in every text, and what could not be read."""
        permission = f"collection.read on {self._namespace}"
        answer = collections(self._hub, self._namespace, self._secret)
        if isinstance(answer, Failure):
            yield Skipped(self.target, needs(answer, permission))
            return
        if answer.incomplete:
            yield Skipped(self.target, answer.incomplete)
        run.read(1, 0)
        for item in answer:
            slug = text(item.get("slug"))
            whole = collection(self._hub, slug, self._secret)
            if isinstance(whole, Failure):
                yield Skipped(f"{self.target}: {slug}", needs(whole, permission))
                whole = item
            for where, content in texts(whole):
                place = Location(
                    "collection", self.target, slug, date=parse_timestamp(item.get("lastUpdated")), member=where
                )
                yield from examined(run, content, place)
                run.read(0, len(content))
            run.read(1, 0)
