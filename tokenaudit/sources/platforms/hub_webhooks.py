"""Webhooks: their URLs, which may hold a secret, and the Jobs that they start."""

from __future__ import annotations

from collections.abc import Iterator

from tokenaudit.hub.client import Hub
from tokenaudit.hub.namespace import webhooks
from tokenaudit.hub.pagination import JsonObject, needs, text
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, names_of, read_document, section


class WebhooksSource:
    """The auditor's own webhooks that concern one namespace; with `everything` all of them."""

    kind = "webhooks"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str, *, everything: bool = False) -> None:
        self.target = f"webhooks/{namespace}"
        self._hub, self._secret, self._namespace, self._everything = hub, secret, namespace, everything

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Sightings in every text of each webhook, and the names of the secrets of their Jobs."""
        if self._secret is None:
            yield Skipped(self.target, "webhooks are not shown without a token; it needs user.webhooks.read")
            return
        answer = webhooks(self._hub, self._secret)
        if isinstance(answer, Failure):
            yield Skipped(self.target, needs(answer, "user.webhooks.read"))
            return
        if answer.incomplete:
            yield Skipped(self.target, answer.incomplete)
        run.read(1, 0)
        for item in answer:
            if self._everything or self._concerns(item):
                name = text(item.get("id")) or "unnamed"
                yield from read_document(run, item, Location("webhook", self.target, name))
                for kept in names_of(section(item, "job", "secrets")):
                    yield SecretName(f"{self.target}/{name}", kept, "webhook-secret")

    def _concerns(self, item: JsonObject) -> bool:
        watched = item.get("watched")
        names = (
            [text(entry.get("name")) for entry in watched if isinstance(entry, dict)]
            if isinstance(watched, list)
            else []
        )
        return any(name.partition("/")[0] == self._namespace for name in names)
