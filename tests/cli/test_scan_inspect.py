"""`tokenaudit scan --inspect` against the double of the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.hub.faults import error
from tests.support.cli import Ran, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def inspected(repo: GitRepo, double: HubDouble, home: Path, *more: str) -> Ran:
    return tokenaudit("scan", repo.path, "--inspect", "--endpoint", double.endpoint, *more, home=home)


def entry(ran: Ran, value: str) -> Any:
    return next(c for c in ran.report["credentials"] if c["fingerprint"] == fingerprint(value))


def test_an_active_write_token_comes_first(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    mint = Mint(61)
    dead, live = mint.user_token(), hub_double.knows(mint.user_token(), bodies.classic("write"))
    repo.commit("add", {"a.py": f"x = '{dead}'\n", "b.py": f"y = '{live}'\n"})
    ran = inspected(repo, hub_double, tmp_path, "-f", "json")
    assert (ran.code, ran.report["complete"]) == (1, True)
    first = ran.report["credentials"][0]
    assert first["fingerprint"] == fingerprint(live)
    assert first["inspection"]["status"] == "active"
    assert first["inspection"]["role"] == "write"
    assert first["inspection"]["account"]["type"] == "user"
    assert first["verdict"]["severity"] == "critical"
    assert first["verdict"]["privilege"] == "over"
    assert "token-classic-write" in {reason["rule"] for reason in first["verdict"]["reasons"]}
    assert first["recommendation"]["create_url"].startswith("https://huggingface.co/settings/tokens/new?")
    assert entry(ran, dead)["inspection"]["status"] == "invalid"
    assert ran.report["summary"]["active"] == 1


def test_each_credential_is_asked_about_once(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    live = hub_double.knows(Mint(62).user_token())
    for number in range(3):
        repo.commit("again", {f"{number}.py": f"y = '{live}'\n"})
    inspected(repo, hub_double, tmp_path)
    assert hub_double.count("/api/whoami-v2") == 1


def test_no_answer_is_unknown_and_never_clean(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    value = Mint(63).user_token()
    repo.commit("add", {"a.py": value})
    hub_double.fails("whoami-v2", error(403, "Forbidden"), always=True)
    ran = inspected(repo, hub_double, tmp_path, "-f", "json")
    assert ran.code == 1
    assert ran.report["complete"] is False
    assert entry(ran, value)["inspection"]["status"] == "unknown"
    assert any(fingerprint(value) in gap["where"] for gap in ran.report["skipped"])


def test_placeholders_are_never_sent(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    repo.commit("add", {"a.py": "hf_" + "x" * 34})
    assert inspected(repo, hub_double, tmp_path).code == 0
    assert hub_double.requests == []


def test_an_expired_credential_is_known_without_asking(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    value = Mint(64).oauth_token({"exp": 1_500_000_000, "scope": "read-repos write-repos"})
    repo.commit("add", {"a.py": f"'{value}'"})
    ran = inspected(repo, hub_double, tmp_path, "-f", "json")
    assert entry(ran, value)["inspection"]["status"] == "expired"
    assert entry(ran, value)["claims"]["scopes"] == ["read-repos", "write-repos"]
    assert hub_double.requests == []


def test_without_inspect_nothing_is_sent(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    repo.commit("add", {"a.py": Mint(65).user_token()})
    ran = tokenaudit("scan", repo.path, "-f", "json", home=tmp_path, env={"HF_ENDPOINT": hub_double.endpoint})
    assert ran.report["credentials"][0]["inspection"] is None
    assert hub_double.requests == []


def test_a_scanned_place_cannot_choose_the_endpoint(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    repo.commit("add", {".env": f"HF_ENDPOINT={hub_double.endpoint}\nHF_TOKEN={Mint(66).user_token()}\n"})
    dead_end = "http://127.0.0.1:9"
    ran = tokenaudit("scan", "--inspect", "-f", "json", home=tmp_path, cwd=repo.path, env={"HF_ENDPOINT": dead_end})
    assert ran.report["credentials"][0]["inspection"]["status"] == "unknown"
    assert hub_double.requests == []


def test_repositories_served_over_http_are_cloned(repo: GitRepo, hub_double: HubDouble, tmp_path: Path) -> None:
    value = Mint(67).user_token()
    repo.commit("add", {"a.py": value})
    repo.commit("gone", {"a.py": "x"})
    hub_double.hosts(repo.path, "acme/model")
    ran = tokenaudit("scan", f"{hub_double.endpoint}/acme/model", "-f", "json", home=tmp_path)
    assert ran.code == 1, ran.err
    assert [(place["source"], place["path"]) for place in entry(ran, value)["locations"]] == [("history", "a.py")]
