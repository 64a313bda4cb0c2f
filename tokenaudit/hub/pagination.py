"""Paginated listings of the Hub: all pages of a listing, as loosely parsed JSON."""

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
    """Return every item of the listing at `path`, whose pages are linked by `Link` headers; `enough` ends it earlier.

    Each page is a separate request with retries. Items that are not objects are omitted and reported.
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
    """Return `listing` with only the usable `items`; the number of unusable ones is reported in `incomplete`."""
    lost = len(listing) - len(items)
    reasons = (listing.incomplete, f"{lost} invalid entries" if lost else "")
    return PagedListing(tuple(items), "; ".join(filter(None, reasons)))


def malformed(wanted: str, status: int | None = None) -> Failure:
    """Return the failure for a response of another shape, such as a proxy's page: it is not an empty list."""
    return Failure("malformed", status, f"the response is not {wanted}")


def needs(failure: Failure, permission: str) -> str:
    """Return why something could not be read, including the missing permission if that is the reason."""
    status = f" ({failure.status})" if failure.status else ""
    if failure.kind == "refused" and failure.status in {401, 403, 404}:
        return f"the Hub denied access{status}: {failure.message or 'no reason given'}; needs {permission}"
    return f"no response from the Hub{status}: {failure.message}"


def text(value: object) -> str:
    """Return `value` if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


MOST_REQUESTS = 2000
"""Maximum number of requests for a listing."""

LONGEST_SECONDS = 600.0
"""Seconds after which no further page of a listing is requested."""


def all_pages(
    first: str,
    fetch: Callable[[str], tuple[Sequence[T], str | None] | Failure],
    *,
    enough: Callable[[Sequence[T]], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> PagedListing[T] | Failure:
    """Return every item from the page `first` on; a failure only if that page could not be read.

    A page without items ends a listing. A repeated URL, a page that can't be read, and either of the limits above also
    end it: the listing is then incomplete.

    Args:
        first: URL of the first page.
        fetch: returns a page's items and the URL of the next page (None: last page).
        enough: whether the items read so far suffice.
        clock: monotonic clock in seconds.
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
