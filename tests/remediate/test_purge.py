"""The purge that a runbook prints, run as it is printed with the real git-filter-repo: no ref holds the value then."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.hub.double import HubDouble
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.model import Credential, Location
from tokenaudit.remediate.runbook.purge import purge_steps

DETECTOR = Detector.load()
VALUE = Mint(95).user_token()
OTHER = Mint(96).user_token()
BASE64 = base64.b64encode(f"me:{VALUE}".encode()).decode()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home folder without credentials, and the programs of this Python's environment (git-filter-repo is one)."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = a\n\temail = a@example.org\n[protocol]\n\tallow = always\n")
    installed = find_spec("git_filter_repo")
    assert installed is not None
    assert installed.origin is not None
    programs = home / "bin"
    programs.mkdir()
    tool = programs / "git-filter-repo"
    tool.write_text(f"#!{sys.executable}\n{Path(installed.origin).read_text()}")
    tool.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_", "GIT_"))}
    paths = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**kept, "HOME": str(home), "PATH": paths, "GIT_CONFIG_NOSYSTEM": "1"}


def tokenaudit(*arguments: str, cwd: Path, environment: dict[str, str], given: str = "") -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tokenaudit", *arguments], cwd=cwd, env=environment, input=given, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return json.loads(done.stdout)


def purge(
    target: str,
    cwd: Path,
    environment: dict[str, str],
    *,
    shell: str = "bash",
    typed: str = VALUE,
    on_the_hub: tuple[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Scans `target`, plans, and runs what the plan prints for its history; the purge steps.

    With `on_the_hub`, a target and an endpoint, the report is as one of a sweep that read the repository there.
    """
    report = tokenaudit("scan", "-q", "-f", "json", target, cwd=cwd, environment=environment)
    for credential in report["credentials"] if on_the_hub else ():
        moment = "2026-11-01T00:00:00Z"
        inspection = {"status": "invalid", "checked_at": moment, "reason": "", "endpoint": (on_the_hub or "")[1]}
        credential["inspection"] = inspection
        for location in credential["locations"]:
            location["target"] = (on_the_hub or "")[0]
    plan = tokenaudit("plan", "-f", "json", cwd=cwd, environment=environment, given=json.dumps(report))
    (planned,) = [c for c in plan["credentials"] if c["display"].endswith(VALUE[-4:])]
    steps = [step for step in planned["steps"] if step["id"].startswith("purge-")]
    for step in steps:
        if step["command"]:
            done = subprocess.run(
                [shell, "-c", step["command"]], cwd=cwd, env=environment, input=f"{typed}\n", capture_output=True,
                text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert VALUE not in done.stdout + done.stderr
    return steps


def holds(repository: GitRepo) -> list[str]:
    """The objects that hold the value in any form, of all that any ref, the stash or nothing at all leads to."""
    ids = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    found = []
    for line in ids:
        name, kind = line.split()
        data = repository.git_bytes("cat-file", kind, name)
        detections = DETECTOR.scan(data).detections
        if VALUE.encode() in data or any(d.secret.reveal() == VALUE for d in detections):
            found.append(line)
    return found


def leaked(path: Path) -> GitRepo:
    """A repository with the value in files, messages, a tag, a note, a branch of its own and an unreachable commit."""
    repository = GitRepo(path)
    repository.commit("first", {"keep.py": f"other = '{OTHER}'\n", "app.py": f"token = '{VALUE}'\n"})
    repository.commit(f"use {VALUE}", {"app.py": f"token = '{VALUE}'\nmore = 1\n"})
    repository.tag("v1", f"released with {VALUE}")
    repository.note(f"made with {VALUE}")
    repository.switch("side", "HEAD")
    repository.commit("side", {"b/c.env": f"HF_TOKEN={VALUE}\n"})
    repository.switch("main")
    repository.commit("clean", {"app.py": "import os\n"})
    repository.git("update-ref", "refs/pr/1", "side")
    return repository


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("target", [".", "../repo", "{absolute}"])
def test_a_repository_on_this_machine(tmp_path: Path, environment: dict[str, str], target: str, shell: str) -> None:
    repository = leaked(tmp_path / "repo")
    orphan = repository.commit("orphan", {"x.txt": VALUE})
    repository.git("reset", "-q", "--hard", "HEAD^")
    assert holds(repository)
    (step, *_) = purge(target.format(absolute=repository.path), repository.path, environment, shell=shell)
    assert "pipx install" in step["do"]
    assert holds(repository) == []
    assert orphan not in repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    assert repository.git("show", "HEAD:keep.py").strip() == f"other = '{OTHER}'"
    assert repository.git("log", "-1", "--format=%s", "HEAD^") == "use ***REMOVED***"
    assert sorted(repository.git("branch", "--format=%(refname:short)").splitlines()) == ["main", "side"]
    assert repository.git("status", "--porcelain") == ""
    report = tokenaudit("scan", "-q", "-f", "json", ".", cwd=repository.path, environment=environment)
    assert [c["display"][-4:] for c in report["credentials"]] == [OTHER[-4:]]


def test_a_value_in_the_current_files(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = GitRepo(tmp_path / "repo")
    repository.commit("first", {"app.py": f"token = '{VALUE}'\n", "other.py": "x = 1\n"})
    purge(".", repository.path, environment)
    assert holds(repository) == []
    assert (repository.path / "app.py").read_text() == "token = '***REMOVED***'\n"


def test_what_is_not_committed_is_not_thrown_away(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = leaked(tmp_path / "repo")
    before = repository.git("for-each-ref")
    (repository.path / "keep.py").write_text("work of today\n")
    with pytest.raises(AssertionError, match="commit your changes first"):
        purge(".", repository.path, environment)
    assert (repository.path / "keep.py").read_text() == "work of today\n"
    assert repository.git("for-each-ref") == before


def test_a_stash_is_rewritten_and_kept(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = leaked(tmp_path / "repo")
    for number in range(2):
        repository.write("keep.py", f"work = {number}\ntoken = '{VALUE}'\n")
        repository.git("stash", "push", "-q")
    purge(".", repository.path, environment)
    assert holds(repository) == []
    assert len(repository.git("stash", "list").splitlines()) == 2
    assert "work = 0" in repository.git("show", "stash@{1}:keep.py")


def test_a_clone_with_remote_branches(tmp_path: Path, environment: dict[str, str]) -> None:
    origin = leaked(tmp_path / "origin")
    origin.git("clone", "-q", str(origin.path), str(tmp_path / "repo"))
    repository = GitRepo(tmp_path / "repo")
    purge(".", repository.path, environment)
    assert holds(repository) == []
    assert repository.git("remote") == "origin"
    assert holds(origin), "a remote is not changed by the purge of a clone"


def test_a_bare_repository(tmp_path: Path, environment: dict[str, str]) -> None:
    leaked(tmp_path / "source").git("clone", "-q", "--mirror", ".", str(tmp_path / "bare.git"))
    bare = GitRepo(tmp_path / "bare.git", bare=True)
    purge("bare.git", tmp_path, environment)
    assert holds(bare) == []
    assert bare.git("show", "main:keep.py").strip() == f"other = '{OTHER}'"


def test_a_remote_is_rewritten_in_every_ref(tmp_path: Path, environment: dict[str, str]) -> None:
    leaked(tmp_path / "source").git("clone", "-q", "--mirror", ".", str(tmp_path / "bare.git"))
    bare = GitRepo(tmp_path / "bare.git", bare=True)
    refs = bare.git("for-each-ref", "--format=%(refname)").splitlines()
    assert "refs/pr/1" in refs
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    purge(f"file://{bare.path}", folder, environment)
    bare.git("gc", "-q", "--prune=now")
    assert holds(bare) == []
    assert bare.git("for-each-ref", "--format=%(refname)").splitlines() == refs
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("kind", "folder"), [("model", "models/"), ("dataset", "datasets/"), ("space", "spaces/")])
def test_a_repository_of_the_hub(
    tmp_path: Path, environment: dict[str, str], hub_double: HubDouble, kind: str, folder: str
) -> None:
    leaked(tmp_path / "source").git("clone", "-q", "--mirror", ".", str(tmp_path / "bare.git"))
    bare = GitRepo(tmp_path / "bare.git", bare=True)
    hub_double.world.add_repo("alice/m", kind, git=bare.path)
    owner = hub_double.knows(Mint(97).user_token())
    host = hub_double.endpoint.removeprefix("http://")
    (tmp_path / "home" / ".git-credentials").write_text(f"http://alice:{owner}@{host}\n")
    with (tmp_path / "home" / ".gitconfig").open("a") as config:
        config.write("[credential]\n\thelper = store\n")
    purge(str(bare.path), tmp_path, environment, on_the_hub=(f"{folder}alice/m", hub_double.endpoint))
    bare.git("gc", "-q", "--prune=now")
    assert holds(bare) == []
    assert bare.git("show", "main:keep.py").strip() == f"other = '{OTHER}'"


@pytest.mark.parametrize("typed", ["", OTHER])
def test_another_value_changes_nothing(tmp_path: Path, environment: dict[str, str], typed: str) -> None:
    repository = leaked(tmp_path / "repo")
    before = repository.git("for-each-ref")
    with pytest.raises(AssertionError, match="wrong value" if typed else "input is hidden"):
        purge(".", repository.path, environment, typed=typed)
    assert repository.git("for-each-ref") == before


def test_blanks_around_the_value_do_not_count(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = leaked(tmp_path / "repo")
    purge(".", repository.path, environment, typed=f"  {VALUE} ")
    assert holds(repository) == []


@pytest.mark.parametrize("remote", [False, True])
def test_an_encoded_value(tmp_path: Path, environment: dict[str, str], remote: bool) -> None:
    """Replacing text finds nothing there: files go, messages are replaced whole, and the runbook says so."""
    source = leaked(tmp_path / "repo")
    source.commit("packed", {"data/x y.json.gz": gzip.compress(VALUE.encode()), "k8s.yaml": f"a: {BASE64}\n"})
    source.commit("newer", {"k8s.yaml": f"a: {BASE64}\nb: 1\n", "later.yaml": "a: 1\n"})
    source.commit(f"see {BASE64}")
    source.tag("v2", f"see {BASE64}")
    source.commit("by whom", author=f"{VALUE} <x@example.org>")
    if remote:
        source.git("clone", "-q", "--mirror", ".", str(tmp_path / "bare.git"))
        repository = GitRepo(tmp_path / "bare.git", bare=True)
        (step, *_) = purge(f"file://{repository.path}", tmp_path, environment)
        repository.git("gc", "-q", "--prune=now")
    else:
        repository = source
        (step, *_) = purge(".", source.path, environment)
    assert "data/x y.json.gz, k8s.yaml" in step["do"]
    assert "deletes every version of these files" in step["do"]
    assert holds(repository) == []
    assert repository.git("ls-tree", "-r", "--name-only", "main").splitlines() == ["app.py", "keep.py", "later.yaml"]


def test_every_message_is_named_however_many_there_are() -> None:
    ids = [f"{number:040x}" for number in range(700)]
    places = [Location("commit-message", ".", line=1, object=name, commit=name, via=("base64",)) for name in ids]
    hostile = Location("commit-message", ".", line=1, object="$(touch x)\nEND\ntouch x", via=("base64",))
    found = Credential("a" * 32, "user_token", "hf_****aaaa", "credential", (*places, hostile))
    (step,) = purge_steps(found)
    assert step.command is not None
    assert [name for name in ids if f"commit message {name}\n" not in step.command] == []
    assert "touch x" not in step.command


@pytest.mark.slow
@pytest.mark.parametrize("remote", [False, True])
def test_an_encoded_value_in_very_many_messages(tmp_path: Path, environment: dict[str, str], remote: bool) -> None:
    """Every one is replaced, however many there are."""
    repository = GitRepo(tmp_path / "repo")
    message = f"see {BASE64}"
    commit = f"commit refs/heads/main\ncommitter a <a@example.org> {{}} +0000\ndata {len(message)}\n{message}\n"
    stream = "".join(commit.format(1_600_000_000 + number) for number in range(700))
    given = f"{stream}M 644 inline a\ndata 1\na\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository.path, input=given.encode(), check=True)
    repository.git("reset", "-q", "--hard")
    if remote:
        repository.git("clone", "-q", "--mirror", ".", str(tmp_path / "bare.git"))
        repository = GitRepo(tmp_path / "bare.git", bare=True)
        purge(f"file://{repository.path}", tmp_path, environment)
        repository.git("gc", "-q", "--prune=now")
    else:
        purge(".", repository.path, environment)
    assert holds(repository) == []
    assert repository.git("rev-list", "--count", "main").strip() == "700"


def test_without_git_filter_repo_it_fails_before_anything(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = leaked(tmp_path / "repo")
    (tmp_path / "home" / "bin" / "git-filter-repo").write_text("#!/bin/sh\nexit 127\n")
    before = repository.git("for-each-ref")
    with pytest.raises(AssertionError):
        purge(".", repository.path, environment)
    assert repository.git("for-each-ref") == before


def test_files_that_a_rewrite_renews_are_not_to_be_edited(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = leaked(tmp_path / "repo")
    repository.git("config", "remote.x.url", f"https://me:{VALUE}@huggingface.co/a/b")
    steps = purge(".", repository.path, environment)
    (files,) = [step for step in steps if step["id"] == "purge-files"]
    assert ".git/config" in files["do"]
    assert ".git/logs" not in files["do"]
