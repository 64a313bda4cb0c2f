"""A captive portal, a login page or a proxy answers everything with 200: that is never a yes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from tests.support.mint import Mint
from tests.support.origins import Reply, Seen, origin
from tokenaudit.hub import download, repo_access, revoke, spaces
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.repo_listing import HubRepository
from tokenaudit.hub.result import Failure
from tokenaudit.hub.result import Reply as Answer
from tokenaudit.secret import Secret

TOKEN = Secret(Mint(1).user_token())
NEW = Secret(Mint(2).user_token())


def success(answer: object) -> bool:
    return isinstance(answer, Answer)


CALLS: dict[str, Callable[[Hub], bool]] = {
    "read a repository": lambda hub: repo_access.auth_check(hub, "acme/m", "model", TOKEN).allowed is not None,
    "write a repository": lambda hub: (
        repo_access.auth_check(hub, "acme/m", "dataset", TOKEN, write=True).allowed is not None
    ),
    "use Jobs": lambda hub: repo_access.service_check(hub, "acme", "jobs", "read", TOKEN).allowed is not None,
    "use endpoints": lambda hub: (
        repo_access.service_check(hub, "acme", "inference-endpoints", "infer", TOKEN).allowed is not None
    ),
    "see a repository": lambda hub: repo_access.visibility(hub, "acme/m", "model")[0] != "unknown",
    "whoami": lambda hub: success(hub.whoami(TOKEN)),
    "set a secret": lambda hub: success(spaces.set_secret(hub, "acme/s", "HF_TOKEN", NEW, secret=TOKEN)),
    "delete a variable": lambda hub: success(spaces.delete_variable(hub, "acme/s", "HF_TOKEN", secret=TOKEN)),
    "restart": lambda hub: success(spaces.restart(hub, "acme/s", secret=TOKEN)),
    "stage": lambda hub: success(spaces.stage(hub, "acme/s", secret=TOKEN)),
    "revoke": lambda hub: bool(revoke.revoke(hub, [NEW]).accepted),
    "revoke in an organization": lambda hub: revoke.revoke_in_organization(hub, "acme", NEW, admin=TOKEN).accepted,
}

PAGE = b"<!doctype html><html><body>Sign in to the network</body></html>"


def page(_seen: Seen) -> Reply:
    return Reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})


def accepted_page(_seen: Seen) -> Reply:
    return Reply(202, PAGE, {"Content-Type": "TEXT/HTML"})


def login(seen: Seen) -> Reply:
    if seen.path.startswith("/login"):
        return Reply(200, b"{}", {"Content-Type": "application/json"})
    return Reply(302, b"", {"Location": "/login?next=x"})


@pytest.mark.parametrize("answer", [page, accepted_page, login])
@pytest.mark.parametrize("name", CALLS)
def test_a_page_or_a_login_is_no_answer(name: str, answer: Callable[[Seen], Reply]) -> None:
    with origin(answer) as running:
        hub = Hub(running.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        assert not CALLS[name](hub)
        assert running.requests


SHAPES: list[object] = [
    {},
    [],
    None,
    "ok",
    {"status": "ok"},
    {"namespace": {"name": "acme"}},
    {"namespace": "acme", "user": "alice"},
]
OTHER = {"namespace": {"id": "2", "name": "other"}, "user": {"id": "1", "name": "alice"}}


@pytest.mark.parametrize("body", [*SHAPES, OTHER], ids=json.dumps)
@pytest.mark.parametrize("name", ["use Jobs", "use endpoints", "see a repository"])
def test_an_answer_without_what_the_hub_promises_is_none(name: str, body: object) -> None:
    with origin(lambda _: Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})) as running:
        hub = Hub(running.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        assert not CALLS[name](hub)


def test_an_endpoint_below_a_path_is_one_of_the_api_too() -> None:
    with origin(page) as running:
        hub = Hub(f"{running.url}/hub", retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        assert not CALLS["read a repository"](hub)


@pytest.mark.parametrize("answer", [page, login])
def test_a_file_of_another_size_than_was_listed_is_not_believed(answer: Callable[[Seen], Reply]) -> None:
    with origin(answer) as running:
        hub = Hub(running.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        listed = download.BucketFile("a.txt", 1234, "text/plain")
        assert isinstance(download.content(hub, "acme/b", listed, None, 10_000), Failure)
        large = download.LargeFile("a.bin", "0" * 64, 1234)
        repository = HubRepository("model", "acme/m")
        assert isinstance(download.fetch(hub, repository, "main", large, None, io.BytesIO()), Failure)
        unknown = download.BucketFile("a.txt", None, "text/plain")
        assert isinstance(download.content(hub, "acme/b", unknown, None, 10_000), Answer)


def test_a_cookie_that_came_with_one_credential_does_not_go_with_another() -> None:
    def answer(_seen: Seen) -> Reply:
        headers = {"Content-Type": "application/json", "Set-Cookie": "token=session-of-the-first; Path=/"}
        return Reply(200, b'{"name": "alice", "type": "user"}', headers)

    with origin(answer) as running:
        hub = Hub(running.url, retry_policy=RetryPolicy(attempts=1), auditor_token=False)
        hub.whoami(TOKEN)
        hub.whoami(NEW)
        hub.get("/api/models", None)
        assert [seen.headers.get("cookie") for seen in running.requests] == [None, None, None]
