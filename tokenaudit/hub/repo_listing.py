"""What a user or organization owns. Sources: the Hub's OpenAPI document, huggingface_hub's `list_*` wrappers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import Item, listed, objects, text
from tokenaudit.hub.result import Answer, Failure, Reply
from tokenaudit.secret import Secret

RepoType: TypeAlias = Literal["model", "dataset", "space", "bucket"]
GIT_TYPES: tuple[RepoType, ...] = ("model", "dataset", "space")
_EXPAND: Mapping[str, tuple[str, ...]] = {
    "model": ("sha", "lastModified", "private", "gated"),
    "dataset": ("sha", "lastModified", "private", "gated"),
    "space": ("sha", "lastModified", "private", "sdk", "cardData"),
}


@dataclass(frozen=True)
class Repository:
    """One repository or bucket.

    `version` changes whenever its main content does; `copied_from` is the Space it says it was duplicated from.
    """

    type: RepoType
    id: str
    private: bool | None = None
    version: str = ""
    sdk: str | None = None
    copied_from: str | None = None

    @property
    def target(self) -> str:
        """As reports name it: `spaces/acme/app`."""
        return f"{self.type}s/{self.id}"

    @property
    def page(self) -> str:
        """Its path on the Hub, which is also that of its git remote."""
        return self.id if self.type == "model" else self.target


def namespace_kind(hub: Hub, name: str, secret: Secret | None) -> Literal["org", "user"] | Failure:
    """Whether `name` is an organization or a user; the failure where it is neither, or nobody answers."""
    answer = hub.get(f"/api/organizations/{name}/overview", secret)
    if isinstance(answer, Reply):
        return "org"
    if answer.status == HTTPStatus.NOT_FOUND:
        answer = hub.get(f"/api/users/{name}/overview", secret)
    return "user" if isinstance(answer, Reply) else answer


def members(hub: Hub, organization: str, secret: Secret | None) -> Answer:
    """The members of an organization, each with a `user` name."""
    return listed(hub, f"/api/organizations/{organization}/members", secret)


def repositories(hub: Hub, namespace: str, repo_type: RepoType, secret: Secret | None) -> list[Repository] | Failure:
    """The repositories of one type that `secret` may see, private ones included."""
    if repo_type == "bucket":
        answer = listed(hub, f"/api/buckets/{namespace}", secret)
    else:
        answer = listed(
            hub, f"/api/{repo_type}s", secret, {"author": namespace, "limit": 1000, "expand": list(_EXPAND[repo_type])}
        )
    if isinstance(answer, Failure):
        return answer
    return [_repository(repo_type, item) for item in objects(answer) if text(item.get("id"))]


def administered(hub: Hub, namespace: str, kind: str, secret: Secret | None) -> list[Repository] | Failure:
    """What the settings page lists: it also names repositories whose content the token may not read.

    For a user only the token's own account has such a page.
    """
    path = f"/api/organizations/{namespace}/settings/repositories" if kind == "org" else "/api/settings/repositories"
    answer = listed(hub, path, secret)
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in objects(answer):
        repo_type, name = item.get("type"), text(item.get("id"))
        if repo_type in ("model", "dataset", "space", "bucket") and name.partition("/")[0] == namespace:
            found.append(Repository(repo_type, name, item.get("visibility") != "public"))
    return found


def refs(hub: Hub, repository: Repository, secret: Secret | None) -> dict[str, str] | Failure:
    """Every ref, pull requests and conversions included, with the commit it points to."""
    answer = hub.get(f"/api/{repository.target}/refs", secret, include_prs=1)
    if isinstance(answer, Failure):
        return answer
    body = answer.body if isinstance(answer.body, dict) else {}
    return {text(item.get("ref")): text(item.get("targetCommit")) for group in body.values() for item in _dicts(group)}


def digest(value: object) -> str:
    """A short name for a state of anything that can be written as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _dicts(group: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in group if isinstance(item, dict)) if isinstance(group, list) else iter(())


def _repository(repo_type: RepoType, item: Item) -> Repository:
    private = item.get("private")
    card = item.get("cardData")
    copied = text(card.get("duplicated_from")) if isinstance(card, dict) else ""
    version = [item.get(key) for key in ("sha", "lastModified", "updatedAt", "size", "totalFiles")]
    return Repository(
        repo_type,
        text(item.get("id")),
        private if isinstance(private, bool) else None,
        digest(version),
        text(item.get("sdk")) or None,
        copied or None,
    )
