"""A server that answers 200 with something else than a repository is not an empty repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.double import HubDouble, hub_double
from tests.hub.faults import Fault
from tests.support.cli import tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.origins import Origin, Reply, Seen, origin
from tokenaudit.git.clone import cloned, mirrored, remote_refs
from tokenaudit.git.command import GitError
from tokenaudit.interfaces import NullProgress
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]

SMART = "application/x-git-upload-pack-advertisement"
ANSWERS = {
    "an empty object": (b"{}", "application/json"),
    "maintenance": (b'{"error": "maintenance"}', "application/json"),
    "maintenance, a line": (b'{"error": "maintenance"}\n', "application/json"),
    "a line of HTML": (b"<html>We are back soon</html>", "text/html"),
    "a page of HTML": (b"<!doctype html>\n<html>\n<body>Sign in</body>\n</html>\n", "text/html"),
    "a word": (b"OK", "text/plain"),
    "nothing": (b"", "text/plain"),
    "nothing, without a type": (b"", ""),
    "a blank line": (b"\n", "text/plain"),
    "a cut advertisement": (b"001e# service=git-upload-pack\n0000", SMART),
    "half a line": (b"001e# service=git-up", SMART),
    "half a line as text": (b"001e# service=git-up", "text/plain"),
    "an empty advertisement": (b"", SMART),
    "a flush as text": (b"0000", "text/plain"),
    "an object as an advertisement": (b"{}", SMART),
    "a ref of nothing": (b"a" * 40 + b"\trefs/heads/main\n", "text/plain"),
    "bytes": (bytes(range(256)), "application/octet-stream"),
}


@pytest.fixture(params=sorted(ANSWERS))
def odd(request: pytest.FixtureRequest) -> Iterator[Origin]:
    body, kind = ANSWERS[request.param]
    with origin(lambda _: Reply(200, body, {"Content-Type": kind} if kind else {})) as running:
        yield running


def test_it_is_not_cloned(odd: Origin) -> None:
    with pytest.raises(GitError) as caught, cloned(f"{odd.url}/acme/m", NullProgress()):
        pass
    assert "\n" not in str(caught.value)


def test_its_refs_are_not_known(odd: Origin) -> None:
    if b"\trefs/" in odd.answer(None).body:  # type: ignore[arg-type]
        return  # one ref, whose commit nobody can fetch: see the test above
    with pytest.raises(GitError):
        remote_refs(f"{odd.url}/acme/m")


def test_a_scan_of_its_url_is_not_clean(odd: Origin, tmp_path: Path) -> None:
    ran = tokenaudit("scan", f"{odd.url}/acme/m", "-f", "json", home=tmp_path)
    assert ran.code == 3
    assert not ran.report["complete"]
    assert ran.report["skipped"][0]["where"] == f"{odd.url}/acme/m"


def test_a_redirect_to_nowhere_is_not_clean(tmp_path: Path) -> None:
    for target in ("http://127.0.0.1:9/x", "/elsewhere", "http://", ""):
        answer = Reply(302, b"", {"Location": target})
        with origin(lambda seen, answer=answer: answer if "info/refs" in seen.path else Reply(200, b"{}")) as running:  # type: ignore[misc]
            assert tokenaudit("scan", f"{running.url}/acme/m", home=tmp_path).code == 3


def test_a_repository_that_is_empty_has_nothing_to_read(tmp_path: Path, hub_double: HubDouble) -> None:
    """Git's protocol says that there is nothing: the clone succeeds, and the report says that nothing was read."""
    GitRepo(tmp_path / "empty")
    hub_double.hosts(tmp_path / "empty", "acme/empty")
    for url in (f"{hub_double.endpoint}/acme/empty", f"file://{tmp_path / 'empty'}"):
        ran = tokenaudit("scan", url, "-f", "json", home=tmp_path)
        assert ran.code == 3
        (skipped,) = ran.report["skipped"]
        assert "nothing" in skipped["reason"] or "no " in skipped["reason"], skipped
        assert remote_refs(url) == b""


@pytest.mark.parametrize("answer", ["an empty object", "nothing", "a line of HTML", "a cut advertisement", "a word"])
def test_a_kept_mirror_survives_a_bad_answer(tmp_path: Path, hub_double: HubDouble, answer: str) -> None:
    """Git would take it for a repository whose refs are all gone, and drop them."""
    value = Mint(3).user_token()
    repo = GitRepo(tmp_path / "r")
    repo.commit("first", {"a": f"token = '{value}'\n"})
    hub_double.hosts(repo.path, "acme/m")
    mirror, url = tmp_path / "cache" / "m.git", f"{hub_double.endpoint}/acme/m"
    with mirrored(url, mirror, NullProgress()) as path:
        refs = GitRepo(path, bare=True).git("for-each-ref")
    assert refs
    body, kind = ANSWERS[answer]
    hub_double.fails("info/refs", Fault(200, {"Content-Type": kind}, body), always=True)
    with pytest.raises(GitError), mirrored(url, mirror, NullProgress()):
        pass
    assert GitRepo(mirror, bare=True).git("for-each-ref") == refs
    hub_double.server.faults.clear()
    with mirrored(url, mirror, NullProgress()) as path:
        assert GitRepo(path, bare=True).git("for-each-ref") == refs
    assert fingerprint(value)


def test_a_password_reaches_its_host_and_port_only() -> None:
    """A redirect to another port, before or after the password was asked for."""
    word = Mint(4).body(24)
    asks = Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
    with origin(lambda _: asks) as thief:
        away = Reply(302, b"", {"Location": f"{thief.url}/x/info/refs?service=git-upload-pack"})

        def once_known(seen: Seen) -> Reply:
            return away if "authorization" in seen.headers else asks

        for answer in (lambda _: away, once_known):
            with origin(answer) as here:
                with (
                    pytest.raises(GitError),
                    cloned(f"http://user:{word}@127.0.0.1:{here.port}/acme/m", NullProgress()),
                ):
                    pass
                assert ("authorization" in here.requests[-1].headers) == (answer is once_known)
        assert thief.requests
        assert not any("authorization" in seen.headers for seen in thief.requests)
