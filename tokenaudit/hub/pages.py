"""Walking the pages of a listing, whichever service it is: bounded, and never in circles."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tokenaudit.hub.result import Failure, PagedListing

T = TypeVar("T")

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
