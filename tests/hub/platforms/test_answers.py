"""What GitHub and GitLab can answer instead of what they promise: one line, the same error, no wait without an end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests

from tests.hub.platforms.test_origin import CALLS, NEW, OLD, TOKEN
from tests.support.origins import Origin, Reply, Seen, as_json, origin
from tests.support.sockets import accepting
from tokenaudit.errors import AuditError
from tokenaudit.hub.pagination import MOST_REQUESTS
from tokenaudit.hub.platforms import transport
from tokenaudit.hub.platforms.github import GithubClient
from tokenaudit.hub.platforms.gitlab import GitlabClient
from tokenaudit.hub.platforms.transport import GuardedSession, PlatformError
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.remediate.consumers.github_secret import GithubSecret
from tokenaudit.remediate.consumers.gitlab_variable import GitlabVariable

PLATFORM_CALLS = {name: call for name, call in CALLS.items() if name.startswith("git")}
READS = ("gitlab projects", "github repositories")
JSON = {"Content-Type": "application/json"}
ODD = {
    "HTML": Reply(200, b"<!doctype html><html><body>Sign in</body></html>", {"Content-Type": "text/html"}),
    "HTML as JSON": Reply(200, b"<html>", JSON),
    "broken JSON": Reply(200, b'[{"id": 1, "na', JSON),
    "an open list": Reply(200, b"[", JSON),
    "a number": Reply(200, b"7", JSON),
    "null": Reply(200, b"null", JSON),
    "a text": Reply(200, b'"x"', JSON),
    "nothing": Reply(200, b"", JSON),
    "not text": Reply(200, b"\xff\xfe\x00", JSON),
    "deep": Reply(200, b"[" * 100_000, JSON),
    "a cut body": Reply(200, b"[" + b" " * 5000 + b"]", JSON, cut=100),
    "compressed": Reply(200, b"\x1f\x8b\x08\x00", {**JSON, "Content-Encoding": "gzip"}),
    "compressed twice": Reply(200, b"x", {**JSON, "Content-Encoding": "gzip, br"}),
    "not ready": Reply(202, b"{}", JSON),
    "nothing to say": Reply(204, b""),
    "refused": Reply(401, b'{"message": "Bad credentials"}', JSON),
    "forbidden": Reply(403, b'{"message": "Resource not accessible"}', JSON),
    "a refusal that is a list": Reply(403, b"[1]", JSON),
    "a refusal that is HTML": Reply(403, b"<html>", {"Content-Type": "text/html"}),
    "teapot": Reply(418, b"short and stout"),
    "server error": Reply(500, b'{"message": "oops"}', JSON),
    "limited for years": Reply(429, b"{}", {**JSON, "Retry-After": "99999999"}),
    "limited by a date": Reply(429, b"{}", {**JSON, "Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"}),
    "limited until a time": Reply(429, b"{}", {**JSON, "RateLimit-Reset": "99999999999"}),
    "used up": Reply(403, b"{}", {**JSON, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}),
    "unavailable for years": Reply(503, b"{}", {**JSON, "Retry-After": "99999999"}),
    "a redirect without an address": Reply(302, b""),
    "many choices": Reply(300, b"{}", JSON),
    "not modified": Reply(304, b""),
    "a rate limit that is no number": Reply(
        200, b"[]x", {**JSON, "X-RateLimit-Remaining": "x", "X-RateLimit-Limit": "y", "X-RateLimit-Reset": "z"}
    ),
}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are noted instead of waited."""
    waits: list[float] = []
    monkeypatch.setattr("tokenaudit.hub.platforms.transport.time.sleep", waits.append)
    return waits


@pytest.mark.parametrize("answer", sorted(ODD))
@pytest.mark.parametrize("call", sorted(PLATFORM_CALLS))
def test_every_odd_answer_is_the_same_error(call: str, answer: str, no_waiting: list[float]) -> None:
    with origin(lambda _: ODD[answer]) as here, pytest.raises(AuditError) as caught:
        PLATFORM_CALLS[call](here.url)
    shown = str(caught.value)
    assert "\n" not in shown
    assert len(shown) < 400
    assert not any(words in shown for words in (TOKEN.reveal(), NEW.reveal(), OLD.reveal(), "Sign in", "Bad cred"))
    assert sum(no_waiting) <= 120


@pytest.mark.parametrize("call", READS)
def test_an_answer_without_a_bound_is_not_read_to_its_end(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 1 << 16)
    with (
        origin(lambda _: Reply(200, b"[" + b" " * (1 << 20) + b"]", JSON)) as here,
        pytest.raises(AuditError, match="returned more than"),
    ):
        PLATFORM_CALLS[call](here.url)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A bare socket that does `serve` with each connection."""
    with accepting(serve) as (_, port):
        yield f"http://127.0.0.1:{port}"


def drip(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    try:
        while True:
            connection.sendall(b" ")
            threading.Event().wait(0.02)
    except OSError:
        return


def drip_headers(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    try:
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.02)
    except OSError:
        return


def hang(connection: socket.socket) -> None:
    connection.recv(4096)
    threading.Event().wait(5)


def close(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.close()


def nonsense(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"\x00\x01 this is not HTTP\r\n\r\n")
    connection.close()


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        (drip, "timeout"),
        (drip_headers, "timeout"),
        (hang, "timeout"),
        (close, "network"),
        (nonsense, "network"),
    ],
)
def test_a_slow_or_broken_connection_ends(serve: Callable[[socket.socket], None], kind: str) -> None:
    with listening(serve) as url:
        session = GuardedSession("GitLab", url, setting="GITLAB_URL", connect=0.3, read=0.3, deadline=0.6)
        with pytest.raises(PlatformError) as caught:
            session.get(f"{url}/x")
    assert caught.value.kind == kind


def test_no_connection_and_no_trust_are_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    session = GuardedSession("GitLab", f"http://127.0.0.1:{port}", setting="GITLAB_URL")
    with pytest.raises(PlatformError, match="can't be reached"):
        session.get(f"http://127.0.0.1:{port}/x")
    with listening(nonsense) as url:
        encrypted = url.replace("http:", "https:")
        with pytest.raises(PlatformError, match="GitLab"):
            GuardedSession("GitLab", encrypted, setting="GITLAB_URL").get(f"{encrypted}/x")


def test_a_platform_that_is_gone_is_found_out_once(no_waiting: list[float]) -> None:
    with origin(lambda _: as_json([])) as here:
        client = GitlabClient(TOKEN, here.url)
    reasons = []
    for number in range(50):
        with pytest.raises(PlatformError) as caught:
            client.variables(f"/projects/{number}")
        reasons.append(caught.value.kind)
    assert set(reasons[1:]) == {"unavailable"}
    assert len(no_waiting) == 1


def test_a_failure_that_passes_is_no_failure(no_waiting: list[float]) -> None:
    answers = iter([Reply(503, b"{}"), Reply(429, b"{}", {"Retry-After": "7"}), as_json([])])
    with origin(lambda _: next(answers)) as here:
        assert GitlabClient(TOKEN, here.url).projects("acme").items == ()
    assert 7 <= no_waiting[1] <= 8


def page(url: str, number: int, *, items: int = 1, following: int | None = None) -> Reply:
    item = {"id": number, "path_with_namespace": f"a/p{number}", "full_name": f"a/p{number}"}
    reply = as_json([item] * items)
    if following is None:
        return reply
    return replace(reply, headers={**reply.headers, "Link": f'<{url}/next?page={following}>; rel="next"'})


def listed(platform: str, url: str) -> tuple[list[str], str]:
    if platform == "gitlab":
        projects = GitlabClient(TOKEN, url).projects("acme")
        return [one.path for one in projects], projects.incomplete
    repositories = GithubClient(TOKEN, url).repositories("acme")
    return [one.name for one in repositories], repositories.incomplete


@pytest.fixture(params=["gitlab", "github"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("tokenaudit.hub.platforms.github._NAME", "GitHub")
    return str(request.param)


def number_of(seen: Seen) -> int:
    return int(seen.path.rpartition("&page=")[2].partition("&")[0] if "&page=" in seen.path else _first(seen))


def _first(seen: Seen) -> str:
    return seen.path.rpartition("?page=")[2].partition("&")[0] if "?page=" in seen.path else "0"


def test_all_pages_are_read(platform: str) -> None:
    def answer(seen: Seen) -> Reply:
        number = number_of(seen)
        return page(here.url, number, following=number + 1 if number < 4 else None)

    with origin(answer) as here:
        assert listed(platform, here.url) == ([f"a/p{n}" for n in range(5)], "")


def test_a_next_page_that_was_read_ends_a_listing(platform: str) -> None:
    def answer(seen: Seen) -> Reply:
        return page(here.url, number_of(seen), following=1)

    with origin(answer) as here:
        found, incomplete = listed(platform, here.url)
        assert len(here.requests) == 2
    assert found == ["a/p0", "a/p1"]
    assert "links back" in incomplete


def test_a_page_without_items_ends_a_listing(platform: str) -> None:
    def answer(seen: Seen) -> Reply:
        number = number_of(seen)
        return page(here.url, number, items=number < 2, following=number + 1)

    with origin(answer) as here:
        assert listed(platform, here.url) == (["a/p0", "a/p1"], "")
        assert len(here.requests) == 3


def test_a_listing_without_an_end_is_cut_off_and_that_is_said(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_REQUESTS == 2000
    monkeypatch.setattr("tokenaudit.hub.pagination.MOST_REQUESTS", 7)

    def answer(seen: Seen) -> Reply:
        return page(here.url, number_of(seen), following=number_of(seen) + 1)

    with origin(answer) as here:
        found, incomplete = listed(platform, here.url)
        assert len(here.requests) == 7
    assert len(found) == 7
    assert "only 7 pages (7 entries) were read" in incomplete


def test_a_page_that_fails_costs_itself_and_what_follows(platform: str) -> None:
    def answer(seen: Seen) -> Reply:
        return page(here.url, number_of(seen), following=number_of(seen) + 1) if number_of(seen) < 3 else Reply(403)

    with origin(answer) as here:
        found, incomplete = listed(platform, here.url)
    assert found == ["a/p0", "a/p1", "a/p2"]
    assert "answered 403" in incomplete


def test_entries_of_another_shape_are_counted(platform: str) -> None:
    good = {"id": 1, "path_with_namespace": "a/b", "full_name": "a/b"}
    bad = [None, 7, {}, {"id": "x", "full_name": 3}, {"id": 1, "full_name": "../../etc", "path_with_namespace": ""}]
    with origin(lambda _: as_json([good, *bad])) as here:
        found, incomplete = listed(platform, here.url)
    assert found == ["a/b"]
    assert "invalid entries" in incomplete


def test_an_audience_that_is_not_known_whole_is_not_written_back(thief: Origin) -> None:
    """Otherwise repositories would lose the secret."""

    def answer(seen: Seen) -> Reply:
        if seen.path.partition("?")[0].endswith("/repositories"):
            return as_json({"repositories": [{"id": 1, "name": "a"}]}, Link=f'<{thief.url}/x>; rel="next"')
        return as_json({"name": "HF_TOKEN", "visibility": "selected", "key_id": "1", "key": "x"})

    with origin(answer) as here:
        with pytest.raises(AuditError, match="is incomplete"):
            GithubSecret("acme", "HF_TOKEN", TOKEN, api=here.url).update(OLD.fingerprint, NEW)
        assert not [seen for seen in here.requests if seen.method == "PUT"]
    assert thief.requests == []


@pytest.fixture
def thief() -> Iterator[Origin]:
    with origin(lambda _: as_json([])) as running:
        yield running


def test_a_gitlab_that_answers_about_another_variable_is_not_believed() -> None:
    other = {"key": "OTHER", "value": OLD.reveal(), "environment_scope": "*"}
    with origin(lambda _: as_json(other)) as here, pytest.raises(AuditError):
        GitlabVariable("acme/app", "HF_TOKEN", TOKEN, url=here.url).look()


def test_one_session_serves_one_platform_only() -> None:
    """Whoever gets hold of it: requests itself, with any method and any way of asking."""
    with origin(lambda _: as_json([])) as here, origin(lambda _: as_json([])) as there:
        session = GuardedSession("GitLab", here.url, setting="GITLAB_URL", retry_policy=RetryPolicy(attempts=1))
        session.headers["PRIVATE-TOKEN"] = TOKEN.reveal()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
            with pytest.raises(PlatformError, match="another host"):
                session.request(method, f"{there.url}/x")
        with pytest.raises(PlatformError):
            session.send(requests.Request("GET", f"{there.url}/x", headers={"PRIVATE-TOKEN": "x"}).prepare())
        assert session.get(f"{here.url}/x").json() == []
        assert there.requests == []
