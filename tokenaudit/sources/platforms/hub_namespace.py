"""Parts of a namespace other than repositories: Jobs, collections, webhooks and inference endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import JsonObject, needs, text
from tokenaudit.hub.repo_listing import collection, collections, endpoints, jobs, texts, webhooks
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import Location, SecretName, Skipped
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.json_document import Found, examined, names_of, read_document, section, undated
from tokenaudit.timestamps import parse_timestamp

_KINDS: tuple[Literal["jobs", "scheduled-jobs"], ...] = ("jobs", "scheduled-jobs")


class JobsSource:
    """All Jobs of one namespace."""

    kind = "jobs"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str) -> None:
        self.target = f"jobs/{namespace}"
        self._hub, self._secret, self._namespace = hub, secret, namespace

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in every text of every Job, and the names of their secrets."""
        for kind in _KINDS:
            answer = jobs(self._hub, self._namespace, kind, self._secret)
            if isinstance(answer, Failure):
                yield Skipped(f"{kind}/{self._namespace}", needs(answer, f"job.write on {self._namespace}"))
                continue
            if answer.incomplete:
                yield Skipped(f"{kind}/{self._namespace}", answer.incomplete)
            run.read(1, 0)
            for item in answer:
                yield from self._job(run, kind, item)

    def _job(self, run: ScanContext, kind: str, item: JsonObject) -> Iterator[Found]:
        target = f"{kind}/{self._namespace}"
        name = text(item.get("id")) or "unnamed"
        created = parse_timestamp(item.get("createdAt"))
        yield from undated(item.get("createdAt"), f"{target}: {name}")
        author = text(section(item, "createdBy", "name")) or None
        yield from read_document(run, item, Location("job", target, name, author=author, date=created))
        spec = item.get("jobSpec") if kind == "scheduled-jobs" else item
        if not isinstance(spec, dict):
            return
        for with_items in names_of(spec.get("secrets")):
            yield SecretName(f"{target}/{name}", with_items, "job-secret", created)
        carried = section(spec, "hfToken")
        if isinstance(carried, dict):
            owner, role = text(carried.get("ownerName")), text(carried.get("tokenRole"))
            what = f"token {text(carried.get('tokenId'))} of {owner}, role {role or 'unknown'}"
            yield SecretName(f"{target}/{name}", "hfToken", "job-token", created, what)


class CollectionsSource:
    """All collections of one namespace that the token can read."""

    kind = "collections"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str) -> None:
        self.target = f"collections/{namespace}"
        self._hub, self._secret, self._namespace = hub, secret, namespace

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in every text, and what could not be read."""
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


class WebhooksSource:
    """The auditor's own webhooks for one namespace; with `everything` all of them."""

    kind = "webhooks"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str, *, everything: bool = False) -> None:
        self.target = f"webhooks/{namespace}"
        self._hub, self._secret, self._namespace, self._everything = hub, secret, namespace, everything

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in every text of each webhook, and the names of the secrets of their Jobs."""
        if self._secret is None:
            yield Skipped(self.target, "webhooks need a token with user.webhooks.read")
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
                for with_items in names_of(section(item, "job", "secrets")):
                    yield SecretName(f"{self.target}/{name}", with_items, "webhook-secret")

    def _concerns(self, item: JsonObject) -> bool:
        watched = item.get("watched")
        names = (
            [text(entry.get("name")) for entry in watched if isinstance(entry, dict)]
            if isinstance(watched, list)
            else []
        )
        return any(name.partition("/")[0] == self._namespace for name in names)


class EndpointsSource:
    """All inference endpoints of one namespace."""

    kind = "endpoints"

    def __init__(self, hub: Hub, secret: Secret | None, namespace: str, service: str | None = None) -> None:
        self.target = f"endpoints/{namespace}"
        self._hub, self._secret, self._namespace, self._service = hub, secret, namespace, service

    def findings(self, run: ScanContext) -> Iterator[Found]:
        """Yield detections in every text of each endpoint, and the names of its secrets."""
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
            for with_items in names_of(section(item, "model", "secrets")):
                yield SecretName(f"{self.target}/{name}", with_items, "endpoint-secret", updated)
