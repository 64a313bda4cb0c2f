"""Which repositories a namespace has, who may see them, and how many people rely on them. Every list is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.names import is_namespace, refused_repo
from tokenaudit.hub.result import Failure
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ListedType: TypeAlias = Literal["model", "dataset", "space"]
LISTING_SECONDS = 330.0
_COUNTABLE = (int,)


@dataclass(frozen=True)
class Listed:
    """A repository as its namespace's settings list it; `visibility` is public, private or protected."""

    id: str
    type: str
    visibility: str


@dataclass(frozen=True)
class Popularity:
    """How much a repository is used: downloads of the last 30 days, whether access is gated or private."""

    downloads: int | None
    gated: bool | None
    private: bool | None


@dataclass(frozen=True)
class Usage:
    """Who builds on a model: models derived from it, and Spaces that use it."""

    children: int | None
    spaces: int | None


def visible_repositories(
    hub: Hub, namespace: str | None, secret: Secret, *, limit: int
) -> tuple[Listed, ...] | Failure:
    """At most `limit` repositories of an organization, or with None of the token's own account, private ones too."""
    if namespace is not None and not is_namespace(namespace):
        return Failure("not-asked", None, "this can't be the name of a user or an organization", 0)

    def listed(api: HfApi, token: Token) -> list[Listed]:
        found = islice(api.list_user_repos(namespace, token=token), limit)
        return [Listed(str(repo.id), str(repo.type), str(repo.visibility)) for repo in found]

    answer = hub.ask(listed, secret, listing=True, deadline=LISTING_SECONDS)
    return answer if isinstance(answer, Failure) else tuple(answer.body)


def popularity(
    hub: Hub, namespace: str, repo_type: ListedType, secret: Secret, *, limit: int
) -> dict[str, Popularity] | Failure:
    """Popularity by repository id of at most `limit` repositories of one type in a namespace."""

    def listed(api: HfApi, token: Token) -> dict[str, Popularity]:
        found: Iterable[object]
        if repo_type == "model":
            found = api.list_models(
                author=namespace, limit=limit, expand=["downloads", "gated", "private"], token=token
            )
        elif repo_type == "dataset":
            found = api.list_datasets(
                author=namespace, limit=limit, expand=["downloads", "gated", "private"], token=token
            )
        else:
            found = api.list_spaces(author=namespace, limit=limit, expand=["private"], token=token)
        return {str(getattr(info, "id", "")): _popularity(info) for info in islice(found, limit)}

    answer = hub.ask(listed, secret, listing=True, deadline=LISTING_SECONDS)
    return answer if isinstance(answer, Failure) else dict(answer.body)


def usage(hub: Hub, model: str, secret: Secret) -> Usage | Failure:
    """Who builds on `model`."""
    answer = refused_repo(model) or hub.ask(
        lambda api, token: api.model_info(model, expand=["childrenModelCount", "spaces"], token=token), secret
    )
    if isinstance(answer, Failure):
        return answer
    spaces = getattr(answer.body, "spaces", None)
    children = getattr(answer.body, "children_model_count", None)
    return Usage(count(children), len(spaces) if isinstance(spaces, list) else None)


def one(hub: Hub, repo: str, repo_type: ListedType, secret: Secret) -> Popularity | Failure:
    """Popularity of a single repository."""
    answer = refused_repo(repo) or hub.ask(
        lambda api, token: api.repo_info(repo, repo_type=repo_type, token=token), secret
    )
    return answer if isinstance(answer, Failure) else _popularity(answer.body)


def count(value: object) -> int | None:
    """A number of things, or None for what can't be one (a Hub may say -1, or "many")."""
    return value if type(value) in _COUNTABLE and isinstance(value, int) and value >= 0 else None


def _popularity(info: object) -> Popularity:
    gated = getattr(info, "gated", None)
    private = getattr(info, "private", None)
    return Popularity(
        count(getattr(info, "downloads", None)),
        None if gated is None else bool(gated),
        private if isinstance(private, bool) else None,
    )
