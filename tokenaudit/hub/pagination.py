"""Listings of the Hub: all pages of one, as plain JSON that is parsed loosely."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode, urljoin

from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret

T = TypeVar("T")
JsonObject: TypeAlias = Mapping[str, Any]
Params: TypeAlias = Mapping[str, "str | int | Sequence[str]"]


def listed(
    hub: Hub,
    path: str,
    secret: Secret | None,
    params: Params | None = None,
    *,
    enough: Callable[[Sequence[JsonObject]], bool] | None = None,
) -> PagedListing[JsonObject] | Failure:
    """Every item of the listing at `path`, whose pages are linked by `Link` headers; `enough` ends it earlier.

    Each page is a request of its own, with retries. Items that are not objects are left out and said.
    """

    def page(url: str) -> tuple[list[object], str | None] | Failure:
        answer = hub.get_page(url, secret)
        if isinstance(answer, Failure):
            return answer
        body, following = answer.body
        if not isinstance(body, list):
            return malformed("a list", answer.status)
        return body, urljoin(hub.endpoint + url, following) if following else None

    def enough_objects(items: Sequence[object]) -> bool:
        return enough is not None and enough([item for item in items if isinstance(item, dict)])

    query = urlencode(params, doseq=True) if params else ""
    listing = all_pages(f"{path}?{query}" if query else path, page, enough=enough_objects)
    if isinstance(listing, Failure):
        return listing
    return with_items(listing, [item for item in listing if isinstance(item, dict)])


def with_items(listing: PagedListing[Any], items: Sequence[T]) -> PagedListing[T]:
    """`items` as what could be used of `listing`; how many could not is said."""
    lost = len(listing) - len(items)
    reasons = (listing.incomplete, f"{lost} invalid entries" if lost else "")
    return PagedListing(tuple(items), "; ".join(filter(None, reasons)))


def malformed(wanted: str, status: int | None = None) -> Failure:
    """The failure of an answer of another shape, such as a page of a proxy: it must not count as an empty list."""
    return Failure("malformed", status, f"the response is not {wanted}")


def needs(failure: Failure, permission: str) -> str:
    """Why something could not be read, in words, with the permission that would be needed where that is the reason."""
    status = f" ({failure.status})" if failure.status else ""
    if failure.kind == "refused" and failure.status in {401, 403, 404}:
        return f"the Hub denied access{status}: {failure.message or 'no reason given'}; needs {permission}"
    return f"no response from the Hub{status}: {failure.message}"


def text(value: object) -> str:
    """`value` where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


MOST_REQUESTS = 2000
"""Requests after which a listing is cut off."""

LONGEST_SECONDS = 600.0
"""Seconds after which no further page of a listing is asked for."""


def all_pages(
    first: str,
    fetch: Callable[[str], tuple[Sequence[T], str | None] | Failure],
    *,
    enough: Callable[[Sequence[T]], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> PagedListing[T] | Failure:
    """Every item from the page `first` on; a failure only where not even that page could be read.

    A page without items ends a listing. So does a next page that was read already, a page that can't be read, and
    either of the bounds above: then the listing is incomplete.

    Args:
        first: the address of the first page.
        fetch: a page's items, and the address of the next page (None: there is none).
        enough: whether the items so far will do.
        clock: a monotonic clock in seconds.
    """
    items: list[T] = []
    seen: set[str] = set()
    ends = clock() + LONGEST_SECONDS
    url: str | None = first
    while url is not None:
        read = f"only {len(seen):,} pages ({len(items):,} entries) were read"
        if url in seen:
            return PagedListing(tuple(items), f"{read}: the last one links back to an earlier one")
        if len(seen) >= MOST_REQUESTS:
            return PagedListing(tuple(items), f"{read}: a listing is read up to {MOST_REQUESTS:,} requests")
        if clock() > ends:
            return PagedListing(tuple(items), f"{read} in {LONGEST_SECONDS:.0f} seconds")
        seen.add(url)
        page = fetch(url)
        if isinstance(page, Failure):
            return PagedListing(tuple(items), f"{read}, the next failed: {page.message}") if len(seen) > 1 else page
        found, url = page
        items += found
        if not found or (enough is not None and enough(items)):
            break
    return PagedListing(tuple(items))
