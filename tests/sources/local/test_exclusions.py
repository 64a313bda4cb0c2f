"""`--exclude`: a place that is known by its name is not read, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.inprocess import run
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.exclusions import Exclusions, matches
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext, ScanResult, Source
from tokenaudit.model import Problem
from tokenaudit.sources.local import CiSource, GitDirSource, SinceSource, StagedSource, TreeSource
from tokenaudit.sources.machine import MachineSource

DETECTOR = Detector.load()
MARK = b"# this file is excluded"
PATTERNS = ("vendor", "*.log", "$OTHER_*", "~/.netrc", "hooks")


class Watching:
    """A scanner that notices data of excluded places."""

    def __init__(self) -> None:
        self.excluded = 0

    def may_contain(self, data: bytes) -> bool:
        self.excluded += MARK in data
        return DETECTOR.may_contain(data)

    def scan(self, data: bytes, name: str = "") -> ScanResult:
        self.excluded += MARK in data
        return DETECTOR.scan(data, name)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository whose excluded files have a mark, with changes that are committed and staged."""
    mint = Mint(933)
    repo = GitRepo(tmp_path / "repo")

    def kept(name: str) -> dict[str, str]:
        return {f"{name}.py": f't = "{mint.user_token()}"\n', f"{name}.yml": f"t: {mint.user_token()}\n"}

    def left_out(name: str) -> dict[str, str]:
        text = f'{MARK.decode()}\nt = "{mint.user_token()}"\n'
        return {f"vendor/{name}.py": text, f"{name}.log": text, f"vendor/{name}/Dockerfile": text}

    repo.commit("First", kept("a") | left_out("a"))
    repo.commit("Second", kept("b") | left_out("b"))
    for path, text in (kept("c") | left_out("c")).items():
        (repo.path / path).parent.mkdir(parents=True, exist_ok=True)
        (repo.path / path).write_text(text)
    repo.git("add", "--all")
    inner = GitRepo(repo.path / "vendor" / "clone")
    inner.commit("Vendored", {"x.py": f'{MARK.decode()}\nt = "{mint.user_token()}"\n'})
    return repo


def sources(repo: GitRepo, home: Path) -> Iterator[Source]:
    yield TreeSource(repo.path, "r", is_work_tree=True)
    yield CiSource(repo.path, "r")
    yield GitDirSource(repo.path, "r")
    yield StagedSource(repo.path, "r")
    yield SinceSource(repo.path, "r", "HEAD~1")
    yield MachineSource(home, {"OTHER_TOKEN": f"{MARK.decode()} {Mint(1).user_token()}"}, ask_helpers=False)


def is_left(found: Finding, patterns: tuple[str, ...]) -> bool:
    if isinstance(found, LocatedDetection):
        at = found.location
        return not any(matches(pattern, at.target.replace("r/vendor", "vendor"), at.path) for pattern in patterns)
    if isinstance(found, Problem):
        return not any(matches(pattern, found.target, found.path) for pattern in patterns)
    return not any(matches(pattern, "r", found.where.partition(": ")[2] or found.where) for pattern in patterns)


def test_excluded_places_are_not_read_and_the_rest_is_the_same(repo: GitRepo, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"{MARK.decode()}\nmachine huggingface.co login x password {Mint(2).user_token()}\n")
    (repo.path / ".git" / "hooks" / "post-merge").write_text(f"{MARK.decode()}\n{Mint(3).user_token()}\n")
    patterns = (*PATTERNS, ".git/hooks")
    for with_all, without in zip(sources(repo, home), sources(repo, home), strict=True):
        everything = Watching()
        whole = list(with_all.findings(ScanContext(everything)))
        watching = Watching()
        context = ScanContext(watching, exclusions=Exclusions(patterns))
        left = list(without.findings(context))
        assert everything.excluded, with_all.kind
        assert not watching.excluded, without.kind
        assert sum(map(context.exclusions.unread, patterns)), without.kind
        assert left == [found for found in whole if is_left(found, patterns)], without.kind


def test_the_report_says_how_many_places_were_not_read(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path)
    ran = run(
        "scan", ".", "--only", "tree,ci", "--no-config", "--exclude", "vendor", "--exclude", "*.log", "-f", "json"
    )
    excluded = {one["pattern"]: one for one in json.loads(ran.out)["excluded"]}
    # Six files, the file and the history of the clone in it, none of them twice.
    assert excluded["vendor"]["unread"] >= 7
    assert excluded["*.log"] == {"pattern": "*.log", "unread": 3, "places": 0, "problems": 0, "skipped": 0}
    text = run("scan", ".", "--only", "tree,ci", "--no-config", "--exclude", "vendor").out
    assert f"Excluded by --exclude vendor: {excluded['vendor']['unread']} places not read." in text


def test_a_target_without_other_files_is_neither_clean_nor_incomplete(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print()\n")
    for only, code in (("tree", 0), ("ci", 3)):  # the file is no configuration, so none was excluded
        ran = run("scan", str(tmp_path), "--only", only, "--no-config", "--exclude", "x.py")
        assert ran.code == code, ran.out + ran.err
        assert "Clean" not in ran.out
