"""Repositories, Jobs and scheduled Jobs of a user or organization.

Sources: the Hub's OpenAPI document, huggingface_hub's `list_*` wrappers. Jobs are read as plain JSON, because the
library's wrapper omits which token a Job uses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Literal, TypeAlias
from urllib.parse import quote

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import DEFAULT
from tokenaudit.hub.pagination import JsonObject, Params, listed, malformed, text, with_items
from tokenaudit.hub.repo_access import invalid_repo_name, is_namespace
from tokenaudit.hub.result import Failure, PagedListing, Reply
from tokenaudit.secret import Secret
from tokenaudit.timestamps import parse_timestamp

RepoType: TypeAlias = Literal["model", "dataset", "space", "bucket"]
_REF_GROUPS = ("branches", "tags", "converts")
GIT_TYPES: tuple[RepoType, ...] = ("model", "dataset", "space")
_EXPAND: Mapping[str, tuple[str, ...]] = {
    "model": ("sha", "lastModified", "private", "gated", "siblings"),
    "dataset": ("sha", "lastModified", "private", "gated", "siblings"),
    "space": ("sha", "lastModified", "private", "sdk", "cardData"),
}


@dataclass(frozen=True)
class HubRepository:
    """One repository or bucket.

    `version` changes whenever the main content does; `copied_from` is the Space that it was duplicated from. `files`
    are the paths on the default branch, None where the listing does not name them.
    """

    type: RepoType
    id: str
    private: bool | None = None
    version: str = ""
    sdk: str | None = None
    copied_from: str | None = None
    files: tuple[str, ...] | None = None

    @property
    def target(self) -> str:
        """The name in reports: `spaces/acme/app`."""
        return f"{self.type}s/{self.id}"

    @property
    def page(self) -> str:
        """The path on the Hub, which is also the path of the git remote."""
        return self.id if self.type == "model" else self.target


def namespace_kind(hub: Hub, name: str, secret: Secret | None) -> Literal["org", "user"] | Failure:
    """Return whether `name` is an organization or a user; a failure if it is neither, or there is no response."""
    answer = hub.get(f"/api/organizations/{name}/overview", secret)
    if isinstance(answer, Reply):
        return "org"
    if answer.status == HTTPStatus.NOT_FOUND:
        answer = hub.get(f"/api/users/{name}/overview", secret)
    return "user" if isinstance(answer, Reply) else answer


def members(hub: Hub, organization: str, secret: Secret | None) -> PagedListing[JsonObject] | Failure:
    """Return the members of an organization, each with a `user` name."""
    return listed(hub, f"/api/organizations/{organization}/members", secret)


def repositories(
    hub: Hub, namespace: str, repo_type: RepoType, secret: Secret | None
) -> PagedListing[HubRepository] | Failure:
    """Return the repositories of one type that `secret` can list, including private ones."""
    if repo_type == "bucket":
        answer = listed(hub, f"/api/buckets/{namespace}", secret)
    else:
        answer = listed(
            hub, f"/api/{repo_type}s", secret, {"author": namespace, "limit": 1000, "expand": list(_EXPAND[repo_type])}
        )
    if isinstance(answer, Failure):
        return answer
    return with_items(answer, [_repository(repo_type, item) for item in answer if text(item.get("id"))])


def administered(hub: Hub, namespace: str, kind: str, secret: Secret | None) -> PagedListing[HubRepository] | Failure:
    """Return the repositories on the settings page, including those whose content the token can't read.

    For users this page is available only for the token's own account.
    """
    path = f"/api/organizations/{namespace}/settings/repositories" if kind == "org" else "/api/settings/repositories"
    answer = listed(hub, path, secret)
    if isinstance(answer, Failure):
        return answer
    found = []
    for item in answer:
        repo_type, name = item.get("type"), text(item.get("id"))
        if repo_type in ("model", "dataset", "space", "bucket") and name.partition("/")[0] == namespace:
            found.append(HubRepository(repo_type, name, item.get("visibility") != "public"))
    return PagedListing(tuple(found), answer.incomplete)


def refs(hub: Hub, repository: HubRepository, secret: Secret | None) -> dict[str, str] | Failure:
    """Return every ref, including pull requests and conversions, with the commit it points to."""
    answer = hub.get(f"/api/{repository.target}/refs", secret, include_prs=1)
    if isinstance(answer, Failure):
        return answer
    groups = answer.body if isinstance(answer.body, dict) else {}
    if not all(isinstance(groups.get(name), list) for name in _REF_GROUPS):
        return malformed("a list of refs", answer.status)
    items = [item for group in groups.values() for item in (group if isinstance(group, list) else ())]
    found = {text(item.get("ref")): text(item.get("targetCommit")) for item in items if isinstance(item, dict)}
    if len(found) < len(items) or not all(found) or not all(found.values()):
        return malformed("a list of refs with their commits", answer.status)
    return found


def digest(value: object) -> str:
    """Return a short digest of any JSON-serializable value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _repository(repo_type: RepoType, item: JsonObject) -> HubRepository:
    private = item.get("private")
    card = item.get("cardData")
    copied = text(card.get("duplicated_from")) if isinstance(card, dict) else ""
    version = [item.get(key) for key in ("sha", "lastModified", "updatedAt", "size", "totalFiles")]
    return HubRepository(
        repo_type,
        text(item.get("id")),
        private if isinstance(private, bool) else None,
        digest(version),
        text(item.get("sdk")) or None,
        copied or None,
        _files(item.get("siblings")),
    )


def _files(siblings: object) -> tuple[str, ...] | None:
    if not isinstance(siblings, list):
        return None
    return tuple(path for one in siblings if isinstance(one, dict) and (path := text(one.get("rfilename"))))


ListedType: TypeAlias = Literal["model", "dataset", "space"]
_COUNTABLE = (int,)


@dataclass(frozen=True)
class ListedRepo:
    """A repository in the settings of its namespace; `visibility` is public, private or protected."""

    id: str
    type: str
    visibility: str


@dataclass(frozen=True)
class Popularity:
    """Popularity of a repository: downloads of the last 30 days, and whether it is gated or private."""

    downloads: int | None
    gated: bool | None
    private: bool | None


@dataclass(frozen=True)
class Usage:
    """Dependents of a model: models derived from it, and Spaces that use it."""

    children: int | None
    spaces: int | None


def visible_repositories(
    hub: Hub, namespace: str | None, secret: Secret, *, limit: int
) -> PagedListing[ListedRepo] | Failure:
    """Return at most `limit` repositories, also private ones, of an organization or (None) of the token's account."""
    if namespace is not None and not is_namespace(namespace):
        return Failure("not-asked", None, "invalid user or organization name", 0)
    path = f"/api/organizations/{namespace}/settings/repositories" if namespace else "/api/settings/repositories"
    listing = listed(hub, path, secret, enough=lambda items: len(items) >= limit)
    if isinstance(listing, Failure):
        return listing
    found = [ListedRepo(text(item.get("id")), text(item.get("type")), text(item.get("visibility"))) for item in listing]
    named = with_items(listing, [one for one in found if one.id and one.type])
    return PagedListing(named.items[:limit], named.incomplete)


def popularity(
    hub: Hub, namespace: str, repo_type: ListedType, secret: Secret, *, limit: int
) -> dict[str, Popularity] | Failure:
    """Return popularity by repository id of at most `limit` repositories of one type in a namespace."""
    expand = ["private"] if repo_type == "space" else ["downloads", "gated", "private"]
    params: Params = {"author": namespace, "limit": limit, "expand": expand}
    listing = listed(hub, f"/api/{repo_type}s", secret, params, enough=lambda items: len(items) >= limit)
    if isinstance(listing, Failure):
        return listing
    return {text(item.get("id")): _popularity(item.get) for item in listing.items[:limit]}


def usage(hub: Hub, model: str, secret: Secret) -> Usage | Failure:
    """Return the dependents of `model`."""
    answer = invalid_repo_name(model) or hub.ask(
        lambda api, token: api.model_info(model, expand=["childrenModelCount", "spaces"], token=token), secret
    )
    if isinstance(answer, Failure):
        return answer
    spaces = getattr(answer.body, "spaces", None)
    children = getattr(answer.body, "children_model_count", None)
    return Usage(count(children), len(spaces) if isinstance(spaces, list) else None)


def one(hub: Hub, repo: str, repo_type: ListedType, secret: Secret) -> Popularity | Failure:
    """Return the popularity of a single repository."""
    answer = invalid_repo_name(repo) or hub.ask(
        lambda api, token: api.repo_info(repo, repo_type=repo_type, token=token), secret
    )
    return answer if isinstance(answer, Failure) else _popularity(partial(_attribute, answer.body))


def count(value: object) -> int | None:
    """Return a count, or None for an invalid one (the Hub can return -1, or "many")."""
    return value if type(value) in _COUNTABLE and isinstance(value, int) and value >= 0 else None


def _attribute(info: object, name: str) -> object:
    return getattr(info, name, None)


def _popularity(get: Callable[[str], object]) -> Popularity:
    gated, private = get("gated"), get("private")
    return Popularity(
        count(get("downloads")),
        None if gated is None else bool(gated),
        private if isinstance(private, bool) else None,
    )


_PAGE = 100
_OLDER_IN_A_ROW = 50
"""Number of consecutive commits with an earlier date that ends the search for newer ones below them."""


@dataclass(frozen=True)
class HubCommit:
    """One commit; `title` and `authors` are untrusted text.

    `backdated` is True if the commit is dated before `since` but a commit below it is not.
    """

    id: str
    title: str
    authors: tuple[str, ...]
    date: datetime | None
    backdated: bool = False


def commits_since(
    hub: Hub, repository: HubRepository, branch: str, secret: Secret | None, since: datetime, *, limit: int
) -> PagedListing[HubCommit] | Failure:
    """Return at most `limit` commits of `branch` made at or after `since`, newest first.

    A commit without a valid date counts as new.
    """

    def enough(items: Sequence[JsonObject]) -> bool:
        older = next((number for number, item in enumerate(reversed(items)) if not _older(item, since)), len(items))
        return older >= _OLDER_IN_A_ROW or len(items) - older > limit

    path = f"/api/{repository.target}/commits/{quote(branch, safe='')}"
    listing = listed(hub, path, secret, {"limit": _PAGE}, enough=enough)
    if isinstance(listing, Failure):
        return listing
    last = max((at for at, item in enumerate(listing) if not _older(item, since)), default=-1)
    found = [_commit(item, since) for item in listing.items[: last + 1]]
    more = f"only the newest {limit} were read; raise --limit for the rest" if len(found) > limit else ""
    return PagedListing(tuple(found[:limit]), "; ".join(filter(None, (more, listing.incomplete))))


def _older(item: JsonObject, since: datetime) -> bool:
    date = parse_timestamp(item.get("date"))
    return date is not None and date < since


def _commit(item: JsonObject, since: datetime) -> HubCommit:
    listed = item.get("authors")
    authors = (
        [text(author.get("user")) for author in listed if isinstance(author, dict)] if isinstance(listed, list) else []
    )
    date = parse_timestamp(item.get("date"))
    return HubCommit(text(item.get("id")), text(item.get("title")), tuple(authors), date, backdated=_older(item, since))


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
