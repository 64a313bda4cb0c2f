"""Proxies, certificates, listings that point elsewhere, and answers without end."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, rate_limited
from tests.hub.server import reply
from tests.support.mint import Mint
from tests.support.sockets import accepting
from tokenaudit.hub import repo_listing
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.result import Failure, Reply
from tokenaudit.hub.revoke import revoke
from tokenaudit.hub.transport import LARGEST_BODY
from tokenaudit.secret import Secret

ONCE = RetryPolicy(attempts=1)


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    """Proxies and certificates are read when the session is made."""
    close_session()
    yield
    close_session()


@pytest.fixture
def token() -> Secret:
    return Secret(Mint(1).user_token())


def test_a_proxy_is_used_and_sees_no_token(token: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        with connection:
            heard.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with accepting(refuse) as (_, port):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        answer = Hub("https://hub.example.invalid", retry_policy=ONCE).whoami(token)
        assert revoke(Hub("https://hub.example.invalid", retry_policy=ONCE), [token]).accepted == ()
    assert isinstance(answer, Failure)
    assert answer.kind == "unreachable"
    assert [line.split(b" HTTP/")[0] for line in heard] == [b"CONNECT hub.example.invalid:443"] * 2
    assert not any(token.reveal().encode() in line for line in heard)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for loopback that nobody has signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, made = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


def test_a_certificate_counts_only_when_the_user_trusts_it(
    certificate: tuple[Path, Path], token: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubDouble() as double:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        double.server.socket = context.wrap_socket(double.server.socket, server_side=True)
        double.knows(token.reveal())
        endpoint = double.endpoint.replace("http:", "https:")
        distrusted = Hub(endpoint, retry_policy=ONCE).whoami(token)
        assert isinstance(distrusted, Failure)
        assert distrusted.kind == "unreachable"
        assert "certificate" in distrusted.message.casefold()
        assert revoke(Hub(endpoint, retry_policy=ONCE), [token]).accepted == ()
        assert double.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        close_session()
        hub = Hub(endpoint, retry_policy=ONCE)
        assert isinstance(hub.whoami(token), Reply)
        assert revoke(hub, [token]).accepted == (token.fingerprint,)


def test_a_listing_whose_next_page_is_elsewhere_ends_there(hub_double: HubDouble, token: Secret) -> None:
    hub_double.knows(token.reveal())
    with HubDouble() as stranger:
        link = f'<{stranger.endpoint}/api/settings/repositories?cursor=1>; rel="next"'
        page = reply([{"id": "alice/m", "type": "model", "visibility": "public"}], Link=link)
        hub_double.fails("settings/repositories", Fault(200, page.headers or {}, page.body))
        answer = repo_listing.visible_repositories(Hub(hub_double.endpoint), None, token, limit=10)
        assert not isinstance(answer, Failure)
        assert [repo.id for repo in answer] == ["alice/m"]
        assert "redirected to another host" in answer.incomplete
        assert stranger.requests == []


def test_a_listing_is_not_slept_out_beyond_its_time(hub_double: HubDouble, token: Secret) -> None:
    hub_double.knows(token.reveal())
    hub_double.fails("settings/repositories", rate_limited(0, 100_000), always=True)
    answer = repo_listing.visible_repositories(Hub(hub_double.endpoint), None, token, limit=10)
    assert isinstance(answer, Failure)
    assert answer.kind == "limited"
    assert hub_double.count("settings/repositories") == 1


def test_an_answer_larger_than_anyone_needs_is_not_read_to_its_end(hub_double: HubDouble, token: Secret) -> None:
    hub_double.knows(token.reveal())
    hub_double.fails("whoami", Fault(200, body=b'"' + b"x" * (LARGEST_BODY + 1) + b'"'))
    answer = Hub(hub_double.endpoint).whoami(token)
    assert isinstance(answer, Failure)
    assert answer.kind == "oversized"
    assert hub_double.count("whoami") == 1


def test_a_name_that_is_no_name_is_not_asked_about(hub_double: HubDouble, token: Secret) -> None:
    hub_double.knows(token.reveal(), bodies.classic("read"))
    for name in ("../../api", "a/b", "", ".", "x?y"):
        answer = repo_listing.visible_repositories(Hub(hub_double.endpoint), name, token, limit=10)
        assert isinstance(answer, Failure)
        assert answer.kind == "not-asked"
    assert hub_double.requests == []
