"""Listings of the Hub: all pages of one, as plain JSON that is parsed loosely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tokenaudit.hub.client import Hub, Token
from tokenaudit.hub.result import Failure, Reply, Result
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

JsonObject: TypeAlias = Mapping[str, Any]

ALL_PAGES_SECONDS = 600.0
_MOST_ITEMS = 1_000_000


def listed(
    hub: Hub, path: str, secret: Secret | None, params: Mapping[str, str | int | Sequence[str]] | None = None
) -> Result:
    """Every item of the listing at `path`, whose pages are linked by `Link` headers, as a list in the reply's body.

    The library's own retries are left to work: they continue at the page that failed. Items that are no objects are
    left out: nothing is known of a listing that holds others.
    """

    def fetch(_api: HfApi, token: Token) -> object:
        from huggingface_hub.utils._pagination import paginate  # noqa: PLC0415 - heavy

        items: list[JsonObject] = []
        for item in paginate(hub.endpoint + path, params=dict(params or {}), headers=hub.headers(token)):
            if isinstance(item, dict):
                items.append(item)
            if len(items) > _MOST_ITEMS:
                break
        return items

    return hub.ask(fetch, secret, deadline=ALL_PAGES_SECONDS, listing=True)


def needs(failure: Failure, permission: str) -> str:
    """Why something could not be read, in words, with the permission that would be needed where that is the reason."""
    status = f" ({failure.status})" if failure.status else ""
    if failure.trouble == "refused" and failure.status in {401, 403, 404}:
        return f"the Hub refused it{status}: {failure.message or 'no reason given'}; it needs {permission}"
    return f"the Hub gave no answer{status}: {failure.message}"


def objects(answer: Result) -> Sequence[JsonObject]:
    """The items of a reply; none for a failure."""
    return answer.body if isinstance(answer, Reply) and isinstance(answer.body, list) else ()


def text(value: object) -> str:
    """`value` where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""
