"""GitHub organizations and GitLab groups, through their own client libraries, against doubles on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.origins import Reply, Seen, as_json, origin
from tests.sweep.example_org import Acme
from tokenaudit.errors import UsageError
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepScope
from tokenaudit.sweep.plan import with_password

WHEN = "2026-01-02T03:04:05Z"


@contextmanager
def answering(answers: Mapping[str, Any], seen: list[str]) -> Iterator[str]:
    """A service that answers these paths; others are refused with 403."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            seen.append(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
            body = json.dumps(answers.get(path, {"message": "Forbidden"})).encode()
            self.send_response(200 if path in answers else 403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def secret(name: str) -> dict[str, str]:
    return {"name": name, "created_at": WHEN, "updated_at": WHEN, "visibility": "all"}


def test_an_organization_of_github_gives_names_variables_and_histories(
    org: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = org.repository("code")
    shared = {**secret("HF_SPACE_TOKEN"), "value": org.token("variable"), "visibility": "all"}
    answers: dict[str, Any] = {
        "/orgs/acme": {"login": "acme"},
        "/orgs/acme/actions/secrets": {"total_count": 1, "secrets": [secret("HF_TOKEN")]},
        "/orgs/acme/actions/variables": {"total_count": 1, "variables": [shared]},
        "/repos/acme/code/actions/secrets": {"total_count": 1, "secrets": [secret("HF_WRITE_TOKEN")]},
        "/repos/acme/code/actions/variables": {"total_count": 0, "variables": []},
    }
    seen: list[str] = []
    with answering(answers, seen) as url:
        answers["/orgs/acme"]["url"] = f"{url}/orgs/acme"
        answers["/orgs/acme/repos"] = [
            {
                "full_name": "acme/code",
                "name": "code",
                "url": f"{url}/repos/acme/code",
                "clone_url": repo.path.as_uri(),
            }
        ]
        monkeypatch.setenv("GITHUB_API_URL", url)
        monkeypatch.setenv("GITHUB_TOKEN", "made-up")
        swept = org.sweep(SweepScope(("github:acme",)))
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    assert {gap.where for gap in swept.report.skipped} == {"github:acme/code: environments"}
    assert set(seen) == {"token made-up"} or set(seen) == {"Bearer made-up"}
    with org.book() as book:
        kept = {(entry.target, entry.name, entry.kind, entry.fingerprint) for entry in book.secrets()}
    assert kept == {
        ("github:acme", "HF_TOKEN", "github-secret", None),
        ("github:acme", "HF_SPACE_TOKEN", "github-variable", fingerprint(org.tokens["variable"])),
        ("github:acme/code", "HF_WRITE_TOKEN", "github-secret", None),
    }


def test_a_group_of_gitlab_gives_variables_and_histories(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = org.repository("code")
    value = {"key": "HF_TOKEN", "value": org.token("variable"), "environment_scope": "prod", "description": None}
    hidden = {"key": "OTHER", "value": None, "environment_scope": "*", "hidden": True}
    project = {"id": 7, "path_with_namespace": "team/code", "http_url_to_repo": repo.path.as_uri()}
    answers = {
        "/api/v4/groups/team/projects": [project],
        "/api/v4/groups/team/variables": [hidden],
        "/api/v4/projects/7/variables": [value],
    }
    seen: list[str] = []
    with answering(answers, seen) as url:
        monkeypatch.setenv("GITLAB_URL", url)
        monkeypatch.setenv("GITLAB_TOKEN", "made-up")
        swept = org.sweep(SweepScope(("gitlab:team",)))
    assert swept.report.skipped == ()
    assert {credential.fingerprint for credential in swept.report.credentials} == org.marks
    with org.book() as book:
        kept = {(entry.target, entry.name, entry.fingerprint) for entry in book.secrets()}
    assert kept == {
        ("gitlab:team", "OTHER", None),
        ("gitlab:team/code", "HF_TOKEN (prod)", fingerprint(org.tokens["variable"])),
    }


def test_a_platform_that_refuses_is_said(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "made-up")
    with answering({}, []) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        with pytest.raises(UsageError, match="GitHub answered 403"):
            org.sweep(SweepScope(("github:acme",)))


def test_a_platforms_token_goes_to_that_platforms_host_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "made-up")
    monkeypatch.delenv("GITHUB_API_URL", raising=False)
    assert "made-up@github.com" in with_password("github:acme", "https://github.com/acme/code.git")
    for url in (
        "https://example.org/acme/code.git", "http://github.com/acme/code.git", "ssh://git@github.com/a/b",
        "https://github.com:8443/acme/code.git", "https://github.com.example.org/a/b", "https://user@github.com/a/b",
        "https://github.com@example.org/a/b", "https://[::1/a", "https://github.com:x/a/b", "file:///github.com/a",
    ):  # fmt: skip
        assert with_password("github:acme", url) == url
    assert "made-up@GitHub.com:443" in with_password("github:acme", "https://GitHub.com:443/acme/code.git")
    assert with_password("acme", "https://github.com/acme/code.git") == "https://github.com/acme/code.git"


@pytest.mark.parametrize("platform", ["github", "gitlab"])
def test_a_password_goes_to_the_very_port(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer names clone addresses: one of another port or scheme gets nothing, and one that is the same does."""
    monkeypatch.setenv(f"{platform.upper()}_TOKEN", "made-up")
    variable = "GITHUB_API_URL" if platform == "github" else "GITLAB_URL"
    namespace = f"{platform}:acme"
    monkeypatch.setenv(variable, "https://git.example.com:8443/api/v3")
    assert "made-up@git.example.com:8443" in with_password(namespace, "https://git.example.com:8443/a/b.git")
    for url in (
        "https://git.example.com/a/b.git", "https://git.example.com:443/a/b.git", "https://git.example.com:8444/a/b",
        "http://git.example.com:8443/a/b", "https://api.git.example.com:8443/a/b",
    ):  # fmt: skip
        assert with_password(namespace, url) == url
    monkeypatch.setenv(variable, "https://git.example.com")
    assert with_password(namespace, "https://git.example.com:8443/a/b") == "https://git.example.com:8443/a/b"
    monkeypatch.setenv(variable, "http://127.0.0.1:8001")
    assert "made-up@127.0.0.1:8001" in with_password(namespace, "http://127.0.0.1:8001/a/b")
    assert with_password(namespace, "http://127.0.0.1:8002/a/b") == "http://127.0.0.1:8002/a/b"


def test_a_clone_from_another_port_carries_no_password(org: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real git: a GitLab that names a repository at a port beside its own."""
    word = org.mint.body(20)
    asks = Reply(401, b"", {"WWW-Authenticate": 'Basic realm="git"'})
    with origin(lambda _: asks) as thief:

        def answer(seen: Seen) -> Reply:
            projects = [{"id": 7, "path_with_namespace": "team/x", "http_url_to_repo": f"{thief.url}/team/x.git"}]
            return as_json(projects if seen.path.partition("?")[0].endswith("/projects") else [])

        with origin(answer) as here:
            monkeypatch.setenv("GITLAB_URL", here.url)
            monkeypatch.setenv("GITLAB_TOKEN", word)
            swept = org.sweep(SweepScope(("gitlab:team",)), inspect=False)
        assert not swept.report.complete
        assert thief.requests
        assert not [seen for seen in thief.requests if "authorization" in seen.headers or word in str(seen)]
