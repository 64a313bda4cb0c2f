"""Which settings file counts: what is scanned never sets the policy it is judged by."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.support.cli import Ran, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.targets import scanned_places
from tokenaudit.errors import ConfigurationError
from tokenaudit.model import Policy
from tokenaudit.policy.config import find_settings, user_folder

__all__ = ["hub_double"]

POLICY = "allowed-roles = ['write', 'fineGrained']\n"


@dataclass
class Place:
    """A folder to run in, a home, and something to scan that holds a token."""

    base: Path

    @property
    def home(self) -> Path:
        return self.base / "home"

    def folder(self, name: str, *, policy: bool = False) -> Path:
        path = self.base / name
        path.mkdir(parents=True, exist_ok=True)
        if policy:
            (path / "tokenaudit.toml").write_text(POLICY)
        return path

    def repository(self, name: str, *, policy: bool = False) -> GitRepo:
        repo = GitRepo(self.base / name)
        repo.commit("start", {"sub/a.py": "x = 1\n", **({"tokenaudit.toml": POLICY} if policy else {})})
        return repo

    def scan(self, *arguments: str | Path, cwd: Path) -> Ran:
        return tokenaudit("scan", "-f", "json", *arguments, home=self.home, cwd=cwd)


@pytest.fixture
def at(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.home.mkdir()
    return place


def used(ran: Ran) -> tuple[str | None, str, str | None]:
    policy = ran.report["policy"]
    return (
        policy["file"] and Path(policy["file"]).parent.name,
        policy["origin"],
        policy["not_read"] and Path(policy["not_read"]).parent.name,
    )


def _linked_policy(at: Place) -> tuple[list[str | Path], Path]:
    repo = at.repository("repo", policy=True)
    here = at.folder("here")
    (here / "tokenaudit.toml").symlink_to(repo.path / "tokenaudit.toml")
    return [repo.path], here


OUTSIDE: dict[str, Callable[[Place], tuple[list[str | Path], Path]]] = {
    "a target beside": lambda at: ([at.repository("repo").path], at.folder("here", policy=True)),
    "a target below": lambda at: ([at.repository("here/repo").path.name], at.folder("here", policy=True)),
    "a folder below": lambda at: ([at.folder("here/plain")], at.folder("here", policy=True)),
    "a file beside the policy": lambda at: ([_file(at, "here/a.py")], at.folder("here", policy=True)),
    "a linked target below": lambda at: (
        [_link(at, "here/link", at.repository("repo").path)],
        at.folder("here", policy=True),
    ),
    "a clone URL": lambda at: ([at.repository("repo").path.as_uri()], at.folder("here", policy=True)),
    "a name that begins alike": lambda at: ([at.repository("here-too").path], at.folder("here", policy=True)),
}

INSIDE: dict[str, Callable[[Place], tuple[list[str | Path], Path]]] = {
    "the default target": lambda at: ([], at.repository("here", policy=True).path),
    "a dot": lambda at: (["."], at.folder("here", policy=True)),
    "dots": lambda at: (["../here/../here"], at.folder("here", policy=True)),
    "a parent": lambda at: ([".."], at.folder("over/here", policy=True)),
    "the root": lambda at: ([os.sep], at.folder("here", policy=True)),
    "a link to here": lambda at: ([_link(at, "link", at.folder("here", policy=True))], at.base / "here"),
    "here by a link": lambda at: ([at.folder("real/here", policy=True)], _link(at, "over", at.base / "real") / "here"),
    "a folder of the same repository": lambda at: (["sub"], at.repository("here", policy=True).path),
    "a file of the same repository": lambda at: (["sub/a.py"], at.repository("here", policy=True).path),
    "its .git": lambda at: ([".git"], at.repository("here", policy=True).path),
    "its file URL": lambda at: ([at.repository("here", policy=True).path.as_uri()], at.base / "here"),
    "another working tree of it": lambda at: ([_worktree(at)], at.base / "here"),
    "staged": lambda at: (["--staged"], at.repository("here", policy=True).path),
    "a policy linked into the target": _linked_policy,
    "the policy itself": lambda at: (["tokenaudit.toml"], at.folder("here", policy=True)),
    "one of two": lambda at: ([at.folder("other"), "."], at.folder("here", policy=True)),
}


def _file(at: Place, name: str) -> Path:
    path = at.base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x = 1\n")
    return path


def _link(at: Place, name: str, target: Path) -> Path:
    link = at.base / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target, target_is_directory=True)
    return link


def _worktree(at: Place) -> Path:
    repo = at.repository("here", policy=True)
    repo.git("worktree", "add", "-q", str(at.base / "tree"))
    return at.base / "tree"


def found(targets: list[str | Path], cwd: Path, at: Place, monkeypatch: pytest.MonkeyPatch) -> Policy:
    """The policy of a scan of `targets` in `cwd`; options among the targets are left out."""
    monkeypatch.chdir(cwd)
    names = [str(target) for target in targets if not str(target).startswith("-")]
    return find_settings(scanned_places(names or ["."]), user=at.home).policy


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_file_in_the_current_directory_counts_outside_every_target(
    kind: str, at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, cwd = OUTSIDE[kind](at)
    policy = found(targets, cwd, at, monkeypatch)
    assert policy.file is not None
    assert (Path(policy.file).parent.name, policy.origin, policy.not_read) == ("here", "directory", None)


@pytest.mark.parametrize("kind", INSIDE)
def test_a_file_inside_a_target_does_not_count_and_is_said(
    kind: str, at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, cwd = INSIDE[kind](at)
    policy = found(targets, cwd, at, monkeypatch)
    assert (policy.file, policy.origin) == (None, "built-in")
    assert policy.not_read is not None
    assert Path(policy.not_read).name == "tokenaudit.toml"


def test_the_command_takes_one_and_leaves_the_other(at: Place) -> None:
    repo = at.repository("here/repo", policy=True)
    ran = at.scan("repo", cwd=at.folder("here", policy=True))
    assert (used(ran), ran.err) == (("here", "directory", None), "")
    ran = at.scan(cwd=repo.path)
    assert used(ran) == (None, "built-in", "repo")
    assert "was ignored: it is inside a scanned target" in ran.err
    assert at.scan("--quiet", cwd=repo.path).err == ""
    text = tokenaudit("scan", home=at.home, cwd=repo.path)
    assert "was ignored" in text.out
    (repo.path / "tokenaudit.toml").write_text("[[[[")
    assert at.scan(cwd=repo.path).code == ran.code  # nor can it break the audit


def test_a_folder_that_holds_a_pipe_as_its_repository_does_not_hang(at: Place) -> None:
    here = at.folder("here", policy=True)
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(here / ".git")
    assert scanned_places([str(here / "sub")]) == [here / "sub", here]


def test_the_users_folder_comes_before_the_current_directory(at: Place) -> None:
    own = at.home / ".config" / "tokenaudit"
    own.mkdir(parents=True)
    (own / "tokenaudit.toml").write_text(POLICY)
    env = {"XDG_CONFIG_HOME": str(at.home / ".config")}
    repo, cwd = at.repository("repo"), at.folder("here", policy=True)
    ran = tokenaudit("scan", "-f", "json", repo.path, home=at.home, cwd=cwd, env=env)
    assert used(ran) == ("tokenaudit", "user", None)
    (own / "tokenaudit.toml").write_text("max-age = 1\n")
    ran = tokenaudit("scan", repo.path, home=at.home, cwd=cwd, env=env)
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'max-age-days'?" in ran.err


def test_a_relative_configuration_folder_does_not_lead_into_the_target(
    at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.chdir(at.base)
    at.folder("config/tokenaudit", policy=True)
    assert user_folder().is_absolute()
    assert find_settings(scanned_places(["."])).policy.file is None


def test_a_named_file_counts_wherever_it_is_and_the_report_says_where(at: Place) -> None:
    repo = at.repository("here", policy=True)
    ran = at.scan("--config", "tokenaudit.toml", cwd=repo.path)
    assert used(ran) == ("", "option", None)
    assert ran.report["policy"]["inside_target"] is True
    outside = at.folder("policies", policy=True) / "tokenaudit.toml"
    ran = at.scan("--config", outside, cwd=repo.path)
    assert used(ran) == ("policies", "option", None)
    assert ran.report["policy"]["inside_target"] is False


def test_no_config_reads_none(at: Place) -> None:
    cwd = at.folder("here")
    (cwd / "tokenaudit.toml").write_text("[[[[")
    repo = at.repository("repo")
    assert used(at.scan("--no-config", repo.path, cwd=cwd)) == (None, "built-in", None)
    ran = at.scan("--no-config", "--config", "tokenaudit.toml", repo.path, cwd=cwd)
    assert (ran.code, ran.out) == (2, "")
    assert "can't be combined" in ran.err
    ran = at.scan(repo.path, cwd=cwd)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("named", ["missing.toml", ".", "", os.devnull, "a\x00b", "nowhere/x", "x" * 5000])
def test_a_named_file_that_cannot_be_read_is_refused(named: str) -> None:
    with pytest.raises(ConfigurationError, match=r"can't be read|not a regular file"):
        find_settings(file=Path(named))


@pytest.mark.parametrize("command", ["scan", "doctor", "inspect", "incident", "sweep"])
def test_every_command_that_judges_says_in_one_line_what_it_cannot_read(command: str, at: Place) -> None:
    more = {"sweep": ["acme", "--endpoint", "http://127.0.0.1:9"]}.get(command, [])
    ran = tokenaudit(command, *more, "--config", "missing.toml", home=at.home, cwd=at.folder("here"))
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err.count("\n") == 1
    assert "missing.toml can't be read" in ran.err


def test_a_current_directory_that_is_gone_is_no_trouble(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = at.folder("gone")
    monkeypatch.chdir(gone)
    shutil.rmtree(gone)
    assert find_settings([at.base], user=at.home).policy.file is None


def test_every_report_says_what_the_file_removed_or_lowered(hub_double: HubDouble, at: Place) -> None:
    value = hub_double.knows(Mint(1).user_token(), bodies.classic("write", orgs=[]))
    repo = at.repository("repo")
    repo.commit("leak", {"b.py": f"token = '{value}'\n"})
    name = bodies.classic("write", orgs=[])["name"]
    policy = at.folder("policies") / "tokenaudit.toml"
    policy.write_text(
        "allowed-roles = ['read', 'write', 'fineGrained']\n[[exemptions]]\n"
        f"organization = '{name}'\nuntil = 9999-12-31\nreason = 'moving'\n"
        "rules = ['token-classic-write', 'token-old']\n"
    )
    arguments: list[str | Path] = ["scan", repo.path, "--inspect", "--endpoint", hub_double.endpoint, "--no-token"]
    plain = tokenaudit(*arguments, "-f", "json", home=at.home, cwd=at.base)
    ran = tokenaudit(*arguments, "-f", "json", "--config", policy, home=at.home, cwd=at.base)
    before = {r["rule"]: r["severity"] for r in plain.report["credentials"][0]["verdict"]["reasons"]}
    after = {r["rule"]: r["severity"] for r in ran.report["credentials"][0]["verdict"]["reasons"]}
    lowered = {one["rule"]: (one["severity"], one["now"]) for one in ran.report["policy"]["lowered"]}
    assert plain.report["policy"]["lowered"] == []
    assert lowered
    assert lowered == {rule: (sev, after.get(rule)) for rule, sev in before.items() if after.get(rule) != sev}
    assert "token-exposed-active" not in lowered
    assert {one["subject"] for one in ran.report["policy"]["lowered"]} == {ran.report["credentials"][0]["fingerprint"]}
    for form in ("text", "markdown", "html", "sarif", "gitlab", "junit"):
        written = tokenaudit("report", "-", "-f", form, home=at.home, stdin=ran.out.encode()).out
        written = json.dumps(json.loads(written)) if form in {"sarif", "gitlab"} else written
        assert "policies" in written, form
        assert "token-classic-write" in written.replace("\\-", "-"), form
        assert "removed or lowered" in written, form
