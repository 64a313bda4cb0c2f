"""Listings of the Hub: all pages, never in circles, with a bound that is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from tests.support.origins import Origin, Reply, Seen, as_json, origin
from tokenaudit.hub import discussions, download, repo_listing
from tokenaudit.hub.client import Hub
from tokenaudit.hub.pagination import MOST_REQUESTS, all_pages
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure, PagedListing
from tokenaudit.secret import Secret

MODEL = HubRepository("model", "acme/m")
SINCE = datetime(2020, 1, 1, tzinfo=timezone.utc)
NOBODY = Secret("x" * 8)
LISTINGS: dict[str, Callable[[Hub], object]] = {
    "members": lambda hub: repo_listing.members(hub, "acme", None),
    "models": lambda hub: repo_listing.repositories(hub, "acme", "model", None),
    "buckets": lambda hub: repo_listing.repositories(hub, "acme", "bucket", None),
    "administered": lambda hub: repo_listing.administered(hub, "acme", "org", None),
    "bucket files": lambda hub: download.files(hub, "acme/b", None),
    "collections": lambda hub: repo_listing.collections(hub, "acme", None),
    "jobs": lambda hub: repo_listing.jobs(hub, "acme", "jobs", None),
    "repositories of a token": lambda hub: repo_listing.visible_repositories(hub, None, NOBODY, limit=10**6),
    "commits": lambda hub: repo_listing.commits_since(hub, MODEL, "main", None, SINCE, limit=10**6),
    "discussions": lambda hub: discussions.discussions(hub, MODEL, None),
    "new discussions": lambda hub: discussions.opened_since(hub, MODEL, None, SINCE, limit=10**6),
}
LINKED = sorted(set(LISTINGS) - {"discussions", "new discussions"})


def item(number: int) -> dict[str, object]:
    """Something of every kind of listing at once."""
    return {
        "id": f"acme/{number}", "type": "model" if number % 2 else "file", "path": f"p{number}",
        "visibility": "private", "user": "u", "num": number, "slug": "s",
        "createdAt": "2026-01-01T00:00:00Z", "date": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def number_of(seen: Seen) -> int:
    query = seen.path.partition("?")[2]
    return next((int(part[2:]) for part in query.split("&") if part.startswith(("n=", "p="))), 0)


def page(running: Origin, seen: Seen, following: int | None, *, items: int = 1, total: int = 10**9) -> Reply:
    path = seen.path.partition("?")[0]
    entries = [item(number_of(seen))] * items
    if path.endswith("/discussions"):
        return as_json({"discussions": entries, "count": total})
    if following is None:
        return as_json(entries)
    return as_json(entries, Link=f'<{running.url}{path}?n={following}>; rel="next"')


def asked(name: str, url: str) -> PagedListing[object]:
    answer = LISTINGS[name](Hub(url, retry_policy=RetryPolicy(attempts=1), auditor_token=False))
    assert isinstance(answer, PagedListing), answer
    return answer


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_a_page_without_items_ends_a_listing(name: str) -> None:
    def answer(seen: Seen) -> Reply:
        return page(running, seen, number_of(seen) + 1, items=number_of(seen) < 3, total=3)

    with origin(answer) as running:
        asked(name, running.url)
        assert len(running.requests) <= 4


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_next_page_that_was_read_ends_a_listing_and_is_said(name: str, back: int) -> None:
    def answer(seen: Seen) -> Reply:
        return page(running, seen, number_of(seen) + 1 if number_of(seen) < 2 else back)

    with origin(answer) as running:
        found = asked(name, running.url)
        assert len(running.requests) <= 4
    assert "links back" in found.incomplete


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_a_listing_without_an_end_is_cut_off_and_that_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_REQUESTS == 2000
    monkeypatch.setattr("tokenaudit.hub.pagination.MOST_REQUESTS", 9)
    with origin(lambda seen: page(running, seen, number_of(seen) + 1)) as running:
        found = asked(name, running.url)
        assert len(running.requests) == 9
    assert "only 9 pages" in found.incomplete


@pytest.mark.parametrize("name", sorted(LISTINGS))
def test_a_page_that_fails_costs_itself_and_what_follows(name: str) -> None:
    def answer(seen: Seen) -> Reply:
        return (
            page(running, seen, number_of(seen) + 1) if number_of(seen) < 3 else Reply(403, b'{"error": "Forbidden"}')
        )

    with origin(answer) as running:
        found = asked(name, running.url)
    assert "Forbidden" in found.incomplete


@pytest.mark.parametrize("name", sorted(LISTINGS))
@pytest.mark.parametrize("body", [b"{}", b'{"error": "maintenance"}', b"null", b'"x"', b"7", b"<html>", b""])
def test_something_else_than_a_listing_is_a_failure(name: str, body: bytes) -> None:
    with origin(lambda _: Reply(200, body, {"Content-Type": "application/json"})) as running:
        answer = LISTINGS[name](Hub(running.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False))
    assert isinstance(answer, Failure)
    assert answer.kind == "malformed"


@pytest.mark.parametrize("name", LINKED)
def test_entries_that_are_not_objects_are_said(name: str) -> None:
    body = json.dumps([item(1), None, 7, "x", []]).encode()
    with origin(lambda _: Reply(200, body, {"Content-Type": "application/json"})) as running:
        assert asked(name, running.url).incomplete == "4 invalid entries"


def test_a_listing_that_takes_too_long_is_cut_off_and_that_is_said() -> None:
    now = [0.0]

    def fetch(url: str) -> tuple[list[int], str | None]:
        now[0] += 100
        return [1], f"{int(url) + 1}"

    found = all_pages("0", fetch, clock=lambda: now[0])
    assert isinstance(found, PagedListing)
    assert len(found) == 7
    assert "600 seconds" in found.incomplete
