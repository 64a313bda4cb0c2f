"""No token for another platform ever reaches another origin, and no other origin is believed."""

from __future__ import annotations

import base64
import netrc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from tests.support.mint import Mint
from tests.support.origins import Origin, Reply, Seen, as_json, origin
from tokenaudit.detect import Detector
from tokenaudit.errors import AuditError, EndpointError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.hub.repo_listing import endpoints
from tokenaudit.hub.result import Failure
from tokenaudit.interfaces import ScanContext
from tokenaudit.model import SecretName, Skipped
from tokenaudit.remediate.consumers.github_secret import GithubSecret
from tokenaudit.remediate.consumers.gitlab_variable import GitlabVariable
from tokenaudit.secret import Secret
from tokenaudit.sources.platforms.github_organization import GithubOrganization
from tokenaudit.sources.platforms.gitlab_group import GitlabGroup

MINT = Mint(71)
KEY = base64.b64encode(bytes(PrivateKey.generate().public_key)).decode()
TOKEN = Secret("gl" + MINT.body(30))
NEW = Secret(MINT.user_token())
OLD = Secret(MINT.user_token())
DETECTOR = Detector.load()
CALLS_IN_ALL_WAYS = ("gitlab variable read", "gitlab settings", "github secret read", "inference endpoints")
STATUSES = (301, 302, 303, 307, 308)


def findings(source: GithubOrganization | GitlabGroup) -> None:
    """Raises `AuditError` where anything is skipped; a name that comes out was believed."""
    found = list(source.findings(ScanContext(DETECTOR)))
    assert not [one for one in found if isinstance(one, SecretName)]
    skipped = [one.reason for one in found if isinstance(one, Skipped)]
    if skipped:
        raise AuditError(skipped[0])


def inference_endpoints(url: str) -> None:
    hub = Hub("http://127.0.0.1:9", retry_policy=RetryPolicy(attempts=1), auditor_token=False)
    answer = endpoints(hub, "acme", TOKEN, url)
    if isinstance(answer, Failure):
        raise AuditError(answer.message)


def hub_whoami(url: str) -> None:
    answer = Hub(url, retry_policy=RetryPolicy(attempts=1), auditor_token=False).whoami(TOKEN)
    if isinstance(answer, Failure):
        raise AuditError(answer.message)


CALLS: dict[str, Callable[[str], object]] = {
    "gitlab variable read": lambda url: GitlabVariable("acme/app", "HF_TOKEN", TOKEN, url=url).look(),
    "gitlab variable update": lambda url: GitlabVariable("acme/app", "HF_TOKEN", TOKEN, url=url).update(
        OLD.fingerprint, NEW
    ),
    "gitlab group variable": lambda url: GitlabVariable("acme", "HF_TOKEN", TOKEN, group=True, url=url).look(),
    "gitlab projects": lambda url: GitlabGroup("acme", TOKEN, url).clone_urls(),
    "gitlab settings": lambda url: findings(GitlabGroup("acme", TOKEN, url)),
    "github secret read": lambda url: GithubSecret("acme/app", "HF_TOKEN", TOKEN, api=url).look(),
    "github secret update": lambda url: GithubSecret("acme/app", "HF_TOKEN", TOKEN, api=url).update(
        OLD.fingerprint, NEW
    ),
    "github environment": lambda url: GithubSecret("a/b", "HF", TOKEN, environment="e", api=url).look(),
    "github organization secret": lambda url: GithubSecret("acme", "HF_TOKEN", TOKEN, api=url).look(),
    "github organization update": lambda url: GithubSecret("acme", "HF", TOKEN, api=url).update(OLD.fingerprint, NEW),
    "github repositories": lambda url: GithubOrganization("acme", TOKEN, url).clone_urls(),
    "github settings": lambda url: findings(GithubOrganization("acme", TOKEN, url)),
    "inference endpoints": inference_endpoints,
    "hub": hub_whoami,
}


def believable(seen: Seen) -> Reply:
    """What a thief would answer: whatever was asked for."""
    path = seen.path.partition("?")[0]
    if path.endswith("whoami-v2"):
        return as_json({"type": "user", "name": "mallory", "auth": {"type": "access_token"}})
    if path.endswith("/variables/HF_TOKEN"):
        return as_json({"key": "HF_TOKEN", "value": OLD.reveal(), "environment_scope": "*"})
    if "/secrets/" in path:
        return as_json({"name": "HF_TOKEN", "visibility": "all", "key_id": "1", "key": KEY})
    return as_json([])


@pytest.fixture
def thief() -> Iterator[Origin]:
    with origin(believable) as running:
        yield running


def locations(here: int, there: int) -> dict[str, str]:
    """Ways to point from the port `here` to the port `there`, or nowhere."""
    return {
        "absolute": f"http://127.0.0.1:{there}/api/v4/x",
        "protocol-relative": f"//127.0.0.1:{there}/x",
        "upper case": f"HTTP://127.0.0.1:{there}/X",
        "another name": f"http://localhost:{there}/x",
        "another name, same port": f"http://LOCALHOST:{here}/x",
        "userinfo": f"http://user:word@127.0.0.1:{there}/x",
        "port as userinfo": f"http://127.0.0.1:{here}@127.0.0.1:{there}/x",
        "backslash in the authority": f"http://127.0.0.1:{here}\\@127.0.0.1:{there}/x",
        "backslashes": f"\\\\127.0.0.1:{there}/x",
        "mixed slashes": f"http:/\\127.0.0.1:{there}/x",
        "percent-encoded": f"http://127.0.0.1%3a{there}/x",
        "default port": "http://127.0.0.1/x",
        "https": f"https://127.0.0.1:{here}/x",
        "a file": "file:///etc/passwd",
        "ftp": f"ftp://127.0.0.1:{there}/x",
        "no address": "http://",
        "half an address": "http://[::1",
        "a port that is none": f"http://127.0.0.1:{here}9999999/x",
        "empty": "",
        "blanks": f"  http://127.0.0.1:{there}/x",
        "a tab": f"http://127.0.0.1:\t{there}/x",
    }


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("call", CALLS)
def test_no_redirect_carries_a_token_to_another_port(call: str, status: int, thief: Origin) -> None:
    """Every kind of redirect, to a server that would answer whatever is asked."""
    target = f"{thief.url}/api/v4/anything"
    with origin(lambda _: Reply(status, b"", {"Location": target})) as here, pytest.raises(AuditError) as caught:
        CALLS[call](here.url)
    assert thief.requests == []
    assert here.requests
    assert TOKEN.reveal() not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("way", locations(1, 2))
@pytest.mark.parametrize("call", CALLS_IN_ALL_WAYS)
def test_no_way_of_writing_an_address_leads_away(call: str, way: str, thief: Origin) -> None:
    with origin(lambda _: Reply(302, b"", {"Location": location})) as here:
        location = locations(here.port, thief.port)[way]
        with pytest.raises(AuditError):
            CALLS[call](here.url)
        assert len(here.requests) < 25  # huggingface_hub follows 20 within its origin
    assert thief.requests == []


@pytest.mark.parametrize("call", CALLS)
def test_a_chain_of_redirects_is_followed_only_while_it_stays(call: str, thief: Origin) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(307, b"", {"Location": "/again" if seen.path != "/again" else f"{thief.url}/x"})

    with origin(answer) as here, pytest.raises(AuditError):
        CALLS[call](here.url)
    assert thief.requests == []


@pytest.mark.parametrize("call", CALLS)
def test_redirects_in_a_circle_end(call: str) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(307, b"", {"Location": seen.path})

    with origin(answer) as here:
        with pytest.raises(AuditError):
            CALLS[call](here.url)
        assert len(here.requests) < 40


def test_a_redirect_within_the_origin_is_followed_with_the_token() -> None:
    """A repository or project that was renamed answers so."""

    def answer(seen: Seen) -> Reply:
        if seen.path.startswith("/repos/acme/old"):
            return Reply(301, b"", {"Location": "/repositories/7" + seen.path.removeprefix("/repos/acme/old")})
        return as_json({"name": "HF_TOKEN", "updated_at": "2026-01-02T03:04:05Z"})

    with origin(answer) as here:
        seen = GithubSecret("acme/old", "HF_TOKEN", TOKEN, api=here.url).look()
    assert seen.exists
    assert {TOKEN.reveal() in one.headers["authorization"] for one in here.requests} == {True}


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_change_that_is_redirected_is_never_taken_for_done(status: int) -> None:
    """It would arrive as a question, or not at all."""

    def answer(seen: Seen) -> Reply:
        if seen.method == "PUT":
            return Reply(status, b"", {"Location": "/moved"})
        return believable(seen)

    for call in ("gitlab variable update", "github secret update"):
        with origin(answer) as here:
            with pytest.raises(AuditError, match="redirected"):
                CALLS[call](here.url)
            assert [one.method for one in here.requests if one.path == "/moved"] == []


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:{there}/x?page=2", "//127.0.0.1:{there}/x", "https://127.0.0.1:{here}/x"]
)
@pytest.mark.parametrize("call", ["gitlab projects", "github repositories"])
def test_a_next_page_on_another_origin_is_not_asked_for(call: str, link: str, thief: Origin) -> None:
    """What was read before it is kept, and the listing says that it is not whole."""

    def answer(_: Seen) -> Reply:
        target = link.format(here=here.port, there=thief.port)
        page = {"id": 1, "path_with_namespace": "a/b", "http_url_to_repo": "https://h/a", "full_name": "a/b"}
        return as_json([{**page, "clone_url": "https://h/a"}], Link=f'<{target}>; rel="next"')

    with origin(answer) as here:
        listing = CALLS[call](here.url)
    assert list(listing) == ["https://h/a"]  # type: ignore[call-overload]
    assert "redirected to another host" in listing.incomplete  # type: ignore[attr-defined]
    assert thief.requests == []


def test_addresses_in_an_answer_lead_nowhere(thief: Origin) -> None:
    """GitHub's answers name addresses for everything; none of them is asked."""

    def answer(seen: Seen) -> Reply:
        path = seen.path.partition("?")[0]
        named = {"name": "HF_TOKEN", "full_name": "acme/app", "visibility": "selected", "id": 1, "key_id": "1"}
        addresses = (
            "url",
            "secrets_url",
            "variables_url",
            "selected_repositories_url",
            "clone_url",
            "environments_url",
        )
        one = named | dict.fromkeys(addresses, f"{thief.url}/x")
        if path.endswith("/repos"):
            return as_json([one])
        key = path.rpartition("/")[2]
        if key in {"secrets", "variables", "environments", "repositories"}:
            return as_json({"total_count": 1, key: [{**one, "value": "x"}], **one})
        return as_json({**one, "key": KEY})

    with origin(answer) as here:
        list(GithubOrganization("acme", TOKEN, here.url).findings(ScanContext(DETECTOR)))
        consumer = GithubSecret("acme", "HF_TOKEN", TOKEN, api=here.url)
        consumer.look()
        consumer.update(OLD.fingerprint, NEW)
        assert len(here.requests) > 8
    assert thief.requests == []


def test_netrc_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`requests` would add its password to every request without one, and to each that follows a redirect."""
    word = MINT.body(20)
    file = tmp_path / ".netrc"
    file.write_text(f"machine 127.0.0.1 login me password {word}\nmachine localhost login me password {word}\n")
    file.chmod(0o600)
    assert netrc.netrc(str(file)).authenticators("127.0.0.1")
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("HOME", str(tmp_path))

    def answer(seen: Seen) -> Reply:
        return Reply(302, b"", {"Location": "/there"}) if seen.path != "/there" else as_json([])

    with origin(answer) as here:
        GitlabGroup("acme", None, here.url).clone_urls()
        GithubOrganization("acme", None, here.url).clone_urls()
        GitlabGroup("acme", TOKEN, here.url).clone_urls()
        assert len(here.requests) == 6
        assert {seen.headers.get("authorization") for seen in here.requests} == {None}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_of_the_environment_gets_a_token_in_clear(
    variable: str, monkeypatch: pytest.MonkeyPatch, thief: Origin
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, thief.url)
    with origin(lambda _: as_json([])) as here:
        for call in CALLS.values():
            with pytest.raises(EndpointError, match="NO_PROXY"):
                call(here.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        GitlabGroup("acme", TOKEN, here.url).clone_urls()
    assert thief.requests == []


@pytest.mark.parametrize("address", ["http://gitlab.example.com", "http://10.0.0.1", "http://0.0.0.0:80"])
@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_token_goes_to_https_or_loopback_only(call: str, address: str) -> None:
    with pytest.raises(EndpointError, match="https"):
        CALLS[call](address)
