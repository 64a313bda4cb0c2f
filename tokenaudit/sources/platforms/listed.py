"""Listings of a platform as sources need them: what is missing of one is a finding."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from tokenaudit.hub.platforms.transport import PlatformError
from tokenaudit.hub.result import PagedListing
from tokenaudit.model import Skipped

T = TypeVar("T")


def listed(where: str, ask: Callable[[], PagedListing[T]], needed: str = "") -> Generator[Skipped, None, tuple[T, ...]]:
    """The items that `ask` lists; what could not be listed is said of `where`, with the permission `needed`."""
    try:
        listing = ask()
    except PlatformError as error:
        remedy = f"; it needs {needed}" if needed and error.kind == "refused" else ""
        yield Skipped(where, f"{error}{remedy}")
        return ()
    if listing.incomplete:
        yield Skipped(where, listing.incomplete)
    return listing.items
