"""One baseline for every folder it is used from, every machine, and every part of a repository that is scanned."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran, environment, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

BASELINE = ".secrets.baseline"
WORKFLOW = """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: hf auth login --token ${{ secrets.HF_TOKEN }}
"""


@pytest.fixture
def mint() -> Mint:
    return Mint(76)


@pytest.fixture
def repo(tmp_path: Path, mint: Mint) -> GitRepo:
    """Findings of every kind: in a file, in history alone, in an archive-like encoding, and in CI."""
    made = GitRepo(tmp_path / "repo")
    made.commit("first", {"gone.py": mint.user_token(), ".github/workflows/ci.yml": WORKFLOW})
    (made.path / "gone.py").unlink()
    made.commit("second", {"src/a.py": f"t = '{mint.user_token()}'\n", "src/x.hex": mint.user_token().encode().hex()})
    return made


def scan(cwd: Path, *arguments: str | Path) -> Ran:
    return tokenaudit("scan", *arguments, home=cwd, cwd=cwd)


def write(cwd: Path, baseline: Path, *targets: str | Path) -> dict[str, Any]:
    ran = scan(cwd, "--baseline", baseline, "--update-baseline", *targets)
    assert (ran.code, ran.err) == (0, "")
    document: dict[str, Any] = json.loads(baseline.read_text())
    return document


WAYS = {
    "the root": (".", ["."]),
    "the root, by no name": (".", []),
    "a folder": (".", ["src"]),
    "a file": (".", ["src/a.py"]),
    "from a folder": ("src", [".."]),
    "from a folder, by no name": ("src", []),
    "a file from its folder": ("src", ["a.py"]),
    "from the parent": ("..", ["repo"]),
    "by the whole path": ("/", ["{repo}"]),
    "a file by its whole path": ("/", ["{repo}/src/a.py"]),
    "the workflow": (".", [".github/workflows/ci.yml"]),
}


@pytest.mark.parametrize(
    ("written", "outside"),
    [
        pytest.param(written, outside, marks=() if usual else pytest.mark.slow)
        for written, outside, usual in (
            ("the root", False, True),
            ("from a folder", True, True),
            ("by the whole path", False, False),
            ("the root", True, False),
            ("from a folder", False, False),
            ("by the whole path", True, False),
        )
    ],
)
def test_it_is_good_from_everywhere(repo: GitRepo, tmp_path: Path, written: str, outside: bool) -> None:
    baseline = tmp_path / "b.json" if outside else repo.path / BASELINE
    cwd, targets = WAYS[written]
    write(Path(repo.path, cwd), baseline, *(target.format(repo=repo.path) for target in targets))
    for name, (folder, named) in WAYS.items():
        ran = scan(Path(repo.path, folder), "--baseline", baseline, *(each.format(repo=repo.path) for each in named))
        assert (ran.code, name) == (0, name), ran.out


def test_what_is_new_is_reported_from_everywhere(repo: GitRepo, mint: Mint) -> None:
    write(repo.path, repo.path / BASELINE, ".")
    repo.write("src/deep/new.py", mint.user_token())
    for folder, target in ((".", "."), ("src", ".."), ("src/deep", "new.py"), ("..", "repo/src")):
        assert scan(Path(repo.path, folder), "--baseline", repo.path / BASELINE, target).code == 1


def test_names_are_those_of_the_repository(repo: GitRepo, tmp_path: Path) -> None:
    for cwd, target in (("src", ".."), ("src", "a.py"), ("..", "repo/src")):
        document = write(Path(repo.path, cwd), tmp_path / f"{len(target)}.json", target)
        assert list(document["results"]) == ["src/a.py"]
        assert all(entry["place"] != "a.py" for entry in document.get("tokenaudit", {}).get("credentials", []))


def test_nothing_in_it_names_this_machine(repo: GitRepo, tmp_path: Path) -> None:
    for baseline in (repo.path / BASELINE, tmp_path / "b.json"):
        write(repo.path, baseline, ".")
        text = baseline.read_text()
        assert str(tmp_path) not in text
        assert "file:///" not in text
        assert sys.prefix not in text


def test_another_checkout_of_the_same_repository(repo: GitRepo, tmp_path: Path) -> None:
    write(repo.path, repo.path / BASELINE, ".")
    repo.commit("baseline", {})
    repo.git("clone", "-q", str(repo.path), str(tmp_path / "elsewhere" / "clone"))
    clone = tmp_path / "elsewhere" / "clone"
    before = (clone / BASELINE).read_bytes()
    assert scan(clone, "--baseline", BASELINE).code == 0
    assert scan(clone, "--baseline", BASELINE, "--update-baseline").code == 0
    assert (clone / BASELINE).read_bytes() == before


def test_nothing_is_rewritten_when_nothing_changed(repo: GitRepo) -> None:
    baseline = repo.path / BASELINE
    write(repo.path, baseline, ".")
    before = (baseline.read_bytes(), baseline.stat().st_mtime_ns)
    time.sleep(1.1)  # its times are in seconds
    for cwd, targets in WAYS.values():
        write(Path(repo.path, cwd), baseline, *(target.format(repo=repo.path) for target in targets))
        assert (baseline.read_bytes(), baseline.stat().st_mtime_ns) == before


def test_a_path_of_a_plugin_that_loads_stays(repo: GitRepo) -> None:
    """Someone who uses plain detect-secrets has named the file."""
    baseline = repo.path / BASELINE
    document = write(repo.path, baseline, ".")
    for plugin in document["plugins_used"]:
        plugin["path"] = "file:///nowhere/huggingface.py"
    baseline.write_text(json.dumps(document))
    assert all("path" not in plugin for plugin in write(repo.path, baseline, ".")["plugins_used"])
    named = repo.write("tools/hf.py", "x = 1")
    for plugin in document["plugins_used"]:
        plugin["path"] = "file://tools/hf.py"
    baseline.write_text(json.dumps(document))
    assert named.is_file()
    assert {plugin["path"] for plugin in write(repo.path, baseline, ".")["plugins_used"]} == {"file://tools/hf.py"}


def test_a_part_of_a_repository_updates_only_that_part(repo: GitRepo, mint: Mint) -> None:
    baseline = repo.path / BASELINE
    repo.write("other/b.py", mint.user_token())
    whole = write(repo.path, baseline, ".")
    assert set(whole["results"]) == {"src/a.py", "other/b.py"}
    (repo.path / "other" / "b.py").unlink()
    (repo.path / "src" / "a.py").unlink()
    assert set(write(repo.path, baseline, "src/x.hex")["results"]) == {"src/a.py", "other/b.py"}
    part = write(repo.path, baseline, "src")
    assert set(part["results"]) == {"other/b.py"}
    assert part["tokenaudit"] == whole["tokenaudit"]
    repo.commit("remove", {})
    (repo.path / "other").mkdir(exist_ok=True)
    assert write(repo.path / "other", baseline, "..")["results"] == {}
    assert scan(repo.path, "--only", "tree", "--baseline", baseline, "--update-baseline").code == 0
    assert json.loads(baseline.read_text())["tokenaudit"] != {}


def test_without_a_repository_names_are_relative_to_the_baseline(tmp_path: Path, mint: Mint) -> None:
    for name in ("x/one/a.py", "x/two/a.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(mint.user_token())
    baseline = tmp_path / "x" / "known.json"
    assert set(write(tmp_path, baseline, "x/one", "x/two/a.py")["results"]) == {"one/a.py", "two/a.py"}
    for cwd, targets in ((".", ["x"]), ("x", ["one", "two"]), ("x/one", ["a.py"]), ("x/one", ["."])):
        assert scan(tmp_path / cwd, "--baseline", baseline, *targets).code == 0
    shutil.move(tmp_path / "x", tmp_path / "moved")
    assert scan(tmp_path, "--baseline", "moved/known.json", "moved/one", "moved/two").code == 0
    (tmp_path / "moved" / "one" / "b.py").write_text(mint.user_token())
    assert scan(tmp_path, "--baseline", "moved/known.json", "moved/one").code == 1


def test_two_repositories_with_a_file_of_the_same_name(tmp_path: Path, mint: Mint) -> None:
    for name in ("one", "two"):
        GitRepo(tmp_path / name).commit("add", {"a.py": mint.user_token()})
    baseline = tmp_path / "known.json"
    assert set(write(tmp_path, baseline, "one", "two")["results"]) == {"one/a.py", "two/a.py"}
    assert scan(tmp_path, "--baseline", baseline, "two", "one").code == 0
    assert scan(tmp_path / "two", "--baseline", baseline, ".").code == 0
    (tmp_path / "one" / "a.py").write_bytes((tmp_path / "two" / "a.py").read_bytes())
    assert scan(tmp_path, "--baseline", baseline, "two", "one").code == 1


def host(cwd: Path, *arguments: str, answers: str = "") -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "tokenaudit", "detect-secrets", *arguments],
        cwd=cwd, input=answers, capture_output=True, text=True, check=False, timeout=120, env=environment(cwd),
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


class TestDetectSecrets:
    """`tokenaudit detect-secrets` is the real program with our plugins, wherever they are installed."""

    def test_its_audit_labels_and_we_honour_that(self, repo: GitRepo, mint: Mint) -> None:
        repo.write("b.py", mint.user_token())
        write(repo.path, repo.path / BASELINE, "b.py", "src")
        ran = host(repo.path, "audit", BASELINE, answers="y\nn\n")
        assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err
        results = json.loads((repo.path / BASELINE).read_text())["results"]
        assert [entry["is_secret"] for name in sorted(results) for entry in results[name]] == [False, True]

    def test_its_scan_keeps_what_we_wrote(self, repo: GitRepo) -> None:
        before = write(repo.path, repo.path / BASELINE, ".")
        assert host(repo.path, "scan", "--baseline", BASELINE).code == 0
        after = json.loads((repo.path / BASELINE).read_text())
        assert after["results"] == before["results"]
        assert all("path" not in plugin for plugin in after["plugins_used"])

    def test_its_scan_finds_and_makes_a_baseline(self, repo: GitRepo) -> None:
        ran = host(repo.path, "scan", "--disable-filter", "detect_secrets.filters.heuristic.is_indirect_reference")
        assert ran.code == 0
        (repo.path / BASELINE).write_text(ran.out)
        assert "src/a.py" in json.loads(ran.out)["results"]
        assert scan(repo.path, "--only", "tree", "--baseline", BASELINE, "src/a.py").code == 0

    def test_its_hook_refuses_what_is_new(self, repo: GitRepo, mint: Mint) -> None:
        write(repo.path, repo.path / BASELINE, ".")
        repo.git("add", BASELINE)
        assert host(repo.path, "hook", "--baseline", BASELINE, "src/a.py").code == 0
        repo.write("new.py", f"t = '{mint.user_token()}'\n")
        assert host(repo.path, "hook", "--baseline", BASELINE, "new.py").code == 1

    def test_wrong_use(self, repo: GitRepo) -> None:
        ran = host(repo.path)
        assert (ran.code, ran.out) == (2, "")
        assert "scan, audit or hook" in ran.err
        assert host(repo.path, "frobnicate").code == 2
        assert "usage: detect-secrets" in host(repo.path, "scan", "--help").out


@pytest.mark.parametrize("content", [None, "", "no JSON"])
def test_a_file_that_is_no_baseline_is_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "known.json").write_text(content)
    ran = tokenaudit("detect-secrets", "audit", "known.json", home=tmp_path, cwd=tmp_path)
    assert ran.code == 2, ran.err
    assert ran.err.count("\n") == 1
    assert "known.json" in ran.err
