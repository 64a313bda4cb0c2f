"""Baselines whose file names are spelled in other ways, that are kept elsewhere, linked or read-only."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.inprocess import Result, run
from tests.support.mint import Mint

MINT = Mint(77)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    made = GitRepo(tmp_path / "repo")
    made.commit("one", {"src/a.py": f"t = '{MINT.user_token()}'\n", "b.py": f"u = '{MINT.user_token()}'\n"})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(made.path)
    return made


def scan(baseline: Path | str, *targets: str, update: bool = False) -> Result:
    return run("scan", "-q", "--baseline", str(baseline), *(["--update-baseline"] if update else []), *targets)


def state(path: Path) -> tuple[bytes, int, int]:
    found = path.stat()
    return path.read_bytes(), found.st_mtime_ns, found.st_ino


def respelled(path: Path, change: Callable[[str], str]) -> None:
    document: dict[str, Any] = json.loads(path.read_text())
    document["results"] = {
        change(name): [{**entry, "filename": change(name), "is_secret": True} for entry in entries]
        for name, entries in document["results"].items()
    }
    path.write_text(json.dumps(document, indent=2))


SPELLINGS: dict[str, Callable[[Path], Callable[[str], str]]] = {
    "Windows separators": lambda _: lambda name: name.replace("/", "\\"),
    "dots": lambda _: lambda name: f"./{name}",
    "both": lambda _: lambda name: ".\\" + name.replace("/", "\\"),
    "whole paths": lambda root: lambda name: f"{root}/{name}",
    "from the baseline's folder": lambda _: lambda name: f"../{name}",
    "round about": lambda _: lambda name: f"src/../{name}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_names_in_other_spellings_are_the_same_files(repo: GitRepo, spelling: str) -> None:
    (repo.path / "ci").mkdir()
    baseline = repo.path / "ci" / "base.json"
    assert scan(baseline, ".", update=True).code == 0
    written = json.loads(baseline.read_text())["results"]
    respelled(baseline, SPELLINGS[spelling](repo.path))
    before = state(baseline)
    for folder, targets in ((".", ["."]), ("src", [".."]), ("src", ["a.py"]), ("..", ["repo"]), ("ci", ["../b.py"])):
        os.chdir(repo.path / folder)
        result = scan(baseline, *targets)
        assert (result.code, result.err) == (0, ""), (folder, targets)
    os.chdir(repo.path)
    assert scan("ci/base.json", ".", update=True).code == 0
    if spelling in {"Windows separators", "dots", "both", "round about"}:
        assert state(baseline) == before
    else:  # what works on one machine or from one folder only is put right, its labels kept
        now = json.loads(baseline.read_text())["results"]
        assert {name: [e["hashed_secret"] for e in found] for name, found in now.items()} == {
            name: [e["hashed_secret"] for e in found] for name, found in written.items()
        }
        assert all(entry["is_secret"] for found in now.values() for entry in found)


def test_a_moved_repository(repo: GitRepo, tmp_path: Path) -> None:
    assert scan(".secrets.baseline", ".", update=True).code == 0
    os.chdir(tmp_path)
    repo.path.rename(tmp_path / "moved")
    before = state(tmp_path / "moved" / ".secrets.baseline")
    assert scan("moved/.secrets.baseline", "moved").code == 0
    assert scan("moved/.secrets.baseline", "moved", update=True).code == 0
    assert state(tmp_path / "moved" / ".secrets.baseline") == before


def test_a_baseline_given_by_a_link_stays_a_link(repo: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "real.json").touch()
    (tmp_path / "real.json").unlink()
    assert scan(tmp_path / "real.json", ".", update=True).code == 0
    link = tmp_path / "link.json"
    link.symlink_to("real.json")
    before = state(tmp_path / "real.json")
    assert scan(link, ".", update=True).code == 0
    assert state(tmp_path / "real.json") == before
    (repo.path / "c.py").write_text(MINT.user_token())
    assert scan(link, ".").code == 1
    assert scan(link, ".", update=True).code == 0
    assert link.is_symlink()
    assert "c.py" in json.loads((tmp_path / "real.json").read_text())["results"]


def test_a_read_only_baseline_is_not_changed(repo: GitRepo) -> None:
    path = repo.path / "base.json"
    assert scan(path, ".", update=True).code == 0
    path.chmod(0o444)
    before = state(path)
    assert scan(path, ".", update=True).code == 0
    (repo.path / "c.py").write_text(MINT.user_token())
    result = scan(path, ".", update=True)
    assert (result.code, result.out) == (2, "")
    assert "base.json is read-only and was not changed" in result.err
    assert state(path) == before


def test_the_mode_of_a_baseline_stays(repo: GitRepo) -> None:
    path = repo.path / "base.json"
    assert scan(path, ".", update=True).code == 0
    path.chmod(0o600)
    (repo.path / "c.py").write_text(MINT.user_token())
    assert scan(path, ".", update=True).code == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_unchanged_baseline_keeps_its_bytes_whatever_wrote_it(repo: GitRepo) -> None:
    path = repo.path / "base.json"
    assert scan(path, ".", update=True).code == 0
    path.write_bytes(json.dumps(json.loads(path.read_text()), indent=4).replace("\n", "\r\n").encode())
    before = state(path)
    for targets in (["."], ["src"], ["src/a.py"], [str(repo.path)]):
        assert scan(path, *targets, update=True).code == 0
    assert state(path) == before


def test_a_file_and_its_folder_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "x.txt").write_text(MINT.user_token())
    monkeypatch.chdir(tmp_path)
    for baseline in ("plain/b.json", "b.json"):
        assert scan(baseline, "plain/x.txt", update=True).code == 0
        before = state(Path(baseline))
        assert scan(baseline, "plain/x.txt").code == scan(baseline, "plain").code == 0
        assert scan(baseline, "plain/x.txt", update=True).code == 0
        os.chdir(folder)
        for target in ("x.txt", ".", str(folder)):
            assert scan(tmp_path / baseline, target).code == 0, target
        os.chdir(tmp_path)
        assert state(Path(baseline)) == before
