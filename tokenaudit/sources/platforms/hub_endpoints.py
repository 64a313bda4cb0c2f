"""Inference endpoints of a namespace: their plain environment and the names of their secrets."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub.client import Hub
from tokenaudit.hub.namespace import endpoints
from tokenaudit.hub.pagination import needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, names_of, read_document, section, undated
from tokenaudit.timestamps import parse_timestamp


class EndpointsSource:
    """All inference endpoints of one namespace."""

    kind = "endpoints"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str, service: str | None = None) -> None:
        self.target = f"endpoints/{namespace}"
        self._hub, self._secret, self._namespace, self._service = hub, secret, namespace, service

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Sightings in every text of each endpoint, and the names of its secrets."""
        answer = endpoints(self._hub, self._namespace, self._secret, self._service)
        if isinstance(answer, Failure):
            yield Skipped(self.target, needs(answer, f"inference.endpoints.write on {self._namespace}"))
            return
        if answer.incomplete:
            yield Skipped(self.target, answer.incomplete)
        run.read(1, 0)
        for item in answer:
            name = text(item.get("name")) or "unnamed"
            updated = parse_timestamp(section(item, "status", "updatedAt"))
            yield from undated(section(item, "status", "updatedAt"), f"{self.target}: {name}")
            yield from read_document(run, item, Location("endpoint", self.target, name, date=updated))
            for kept in names_of(section(item, "model", "secrets")):
                yield SecretName(f"{self.target}/{name}", kept, "endpoint-secret", updated)
