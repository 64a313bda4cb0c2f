"""The ways into other people's CI, each run as far as that goes without their machines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.utils import canonicalize_name

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit._version import __version__

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _step(name: str) -> dict[str, Any]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    return next(step for step in action["runs"]["steps"] if step["name"] == name)


def _bash(script: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return _run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script], folder, env)


def _scanned(
    repo: GitRepo, tmp_path: Path, *, base: str = "", more: Mapping[str, str] | None = None, **inputs: str
) -> subprocess.CompletedProcess[str]:
    """The action's scan, run by bash as a runner does it."""
    temp = tmp_path / "runner"
    temp.mkdir(exist_ok=True)
    if not (temp / "tokenaudit").exists():
        (temp / "tokenaudit").symlink_to(sys.prefix, target_is_directory=True)
    given = {"targets": ".", "fail-on": "low", "since": "", "baseline": "", "arguments": ""}
    given |= {key.replace("_", "-"): value for key, value in inputs.items()}
    step = _step("Scan")
    names = {name: value.split("inputs.")[1].split(" ")[0] for name, value in step["env"].items() if "inputs." in value}
    env = {name: given[key] for name, key in names.items()}
    env |= {"BASE": base, "DEFAULT_BRANCH": "main", "GITHUB_WORKSPACE": str(repo.path), "RUNNER_TEMP": str(temp)}
    env |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_OUTPUT": str(tmp_path / "output.txt")}
    return _bash(step["run"], repo.path, {**env, **(more or {})})


def _outputs(tmp_path: Path) -> dict[str, str]:
    """The outputs of the action's last scan."""
    lines = (tmp_path / "output.txt").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_action_annotates_fails_and_writes_a_summary(tmp_path: Path) -> None:
    token = Mint(11).user_token()
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"train.py": f'login("{token}")\n'})
    done = _scanned(repo, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "::error " in done.stdout
    assert "train.py" in (tmp_path / "summary.md").read_text()
    assert token not in done.stdout + done.stderr + (tmp_path / "summary.md").read_text()
    outputs = _outputs(tmp_path)
    assert (outputs["exit-code"], outputs["findings"]) == ("1", "1")
    assert json.loads(Path(outputs["sarif-file"]).read_text("utf-8"))["runs"][0]["results"]
    assert json.loads(Path(outputs["json-file"]).read_text("utf-8"))["summary"]["credentials"] == 1
    declared = yaml.safe_load((ROOT / "action.yml").read_text())["outputs"]
    assert set(outputs) == set(declared)
    assert all(value["value"] == f"${{{{ steps.scan.outputs.{name} }}}}" for name, value in declared.items())


def test_a_summary_and_the_outputs_are_written_always(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a.py": "print(1)\n"})
    assert _scanned(repo, tmp_path).returncode == 0
    assert "Clean" in (tmp_path / "summary.md").read_text()
    assert (_outputs(tmp_path)["exit-code"], _outputs(tmp_path)["findings"]) == ("0", "0")
    (tmp_path / "summary.md").unlink()
    assert _scanned(repo, tmp_path, arguments="--no-such-option").returncode == 2
    assert "exit code 2" in (tmp_path / "summary.md").read_text()
    assert _outputs(tmp_path)["exit-code"] == "2"


def _default_checkout(tmp_path: Path) -> tuple[GitRepo, str]:
    """What actions/checkout makes of a pull request by default: its merge commit alone. And the base's id."""
    origin = GitRepo(tmp_path / "origin")
    origin.commit(files={"old.py": f'login("{Mint(21).user_token()}")\n', "tokenaudit.toml": "max-age-days = 30\n"})
    origin.git("switch", "-q", "-c", "pull")
    origin.commit(files={"b.py": f'login("{Mint(22).user_token()}")\n'})
    origin.commit(files={"b.py": "login()\n"})
    origin.git("switch", "-q", "main")
    base = origin.commit(files={"c.py": "1\n"})
    origin.git("switch", "-q", "-c", "merged")
    origin.git("merge", "-q", "--no-edit", "pull")
    work = tmp_path / "work"
    origin.git("clone", "-q", "--depth=1", "--branch=merged", "--single-branch", f"file://{origin.path}", str(work))
    return GitRepo(work), base


def test_the_action_works_on_a_default_checkout(tmp_path: Path) -> None:
    repo, base = _default_checkout(tmp_path)
    done = _scanned(repo, tmp_path, since=base, base=base)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the history that it lacks was fetched" in done.stdout
    assert "b.py" in done.stdout
    assert "old.py" not in done.stdout
    assert "Policy: " in (tmp_path / "summary.md").read_text()


def test_the_action_says_where_history_can_not_be_fetched(tmp_path: Path) -> None:
    repo, base = _default_checkout(tmp_path)
    repo.git("remote", "set-url", "origin", f"file://{tmp_path / 'gone'}")
    done = _scanned(repo, tmp_path)
    assert "::warning title=tokenaudit::The checkout is shallow" in done.stdout
    assert "fetch-depth: 0" in done.stdout
    assert "incomplete scan" in done.stdout
    assert done.returncode == 1, done.stdout + done.stderr  # a token is in that one commit
    assert _scanned(repo, tmp_path, since=base, base=base).returncode in {2, 3}


def test_the_action_judges_only_the_commits_of_a_pull_request(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    base = repo.commit(files={"old.py": f'login("{Mint(12).user_token()}")\n'})
    repo.commit(files={"new.py": "print(1)\n"})
    assert _scanned(repo, tmp_path, since=base).returncode == 0
    repo.commit(files={"new.py": f'login("{Mint(13).user_token()}")\n'})
    assert _scanned(repo, tmp_path, since=base).returncode == 1
    assert _scanned(repo, tmp_path, since=base, fail_on="never").returncode == 0


def test_arguments_of_the_action_are_split_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a.py": "print(1)\n"})
    assert _scanned(repo, tmp_path, arguments="--only tree --skip history").returncode == 0
    done = _scanned(repo, tmp_path, targets="$(touch pwned) ; touch pwned")
    assert done.returncode == 2
    assert not (repo.path / "pwned").exists()


def test_the_action_takes_no_secret_and_nothing_of_others() -> None:
    text = (ROOT / "action.yml").read_text()
    action = yaml.safe_load(text)
    assert "secrets." not in text
    assert not [step for step in action["runs"]["steps"] if "uses" in step]
    assert not [step for step in action["runs"]["steps"] if "${{" in step["run"]]


def _pages() -> dict[str, str]:
    pages = [
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("templates/*.yml"),
        *ROOT.glob(".github/workflows/*"),
    ]
    files = [*pages, ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml", ROOT / ".pre-commit-config.yaml"]
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in files}


def _used() -> set[tuple[str, str]]:
    """Every action that pages, templates and workflows use, with its pin and comment; not the examples of rules."""
    texts = [text for name, text in _pages().items() if name != str(Path("docs", "rules.md"))]
    return {
        (action, re.sub(r" +#", "  #", pin).strip())
        for text in texts
        for action, pin in re.findall(r"uses: *([\w./-]+)@(.+)", text)
    }


def test_every_action_is_pinned_to_a_commit_with_its_version() -> None:
    used = _used()
    assert {"actions/cache", "actions/checkout", "github/codeql-action/upload-sarif"} <= {action for action, _ in used}
    for action, pin in used:
        # The commit of our own release is known when it is made: the page says how to look it up.
        id_ = "<full commit id>" if action == "tokenaudit/tokenaudit" else "[0-9a-f]{40}"
        assert re.fullmatch(rf"{id_}  # v\d+\.\d+\.\d+", pin), (action, pin)


def test_every_pin_has_one_spelling() -> None:
    used = _used()
    assert len({action for action, _ in used}) == len(used), sorted(used)
    images = {image for text in _pages().values() for image in re.findall(r"image: python:(\S+)", text)}
    assert len(images) == 1, images


def test_a_page_that_pins_us_says_where_the_commit_is_found() -> None:
    pages = {name: text for name, text in _pages().items() if "tokenaudit/tokenaudit@<full commit id>" in text}
    assert len(pages) >= 2
    for name, text in pages.items():
        assert f"git ls-remote https://github.com/tokenaudit/tokenaudit refs/tags/v{__version__}" in text, name


def test_every_version_of_ours_is_the_current_one() -> None:
    ours = re.compile(r"(?:rev: |TOKENAUDIT_VERSION: |tokenaudit/tokenaudit[/@][^\n]*?)v(\d+\.\d+\.\d+)")
    found = {version for text in _pages().values() for version in ours.findall(text)}
    assert found == {__version__}


def test_what_is_installed_is_locked_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.split("\n", 2)[2])
    assert all("--hash=sha256:" in entry for entry in entries)
    locked = {canonicalize_name(re.match(r"[A-Za-z0-9._-]+", entry)[0]) for entry in entries}  # type: ignore[index]
    project = (ROOT / "pyproject.toml").read_text("utf-8").split("dependencies = [", 1)[1].split("\n]", 1)[0]
    declared = {canonicalize_name(name) for name in re.findall(r'^  "([A-Za-z0-9._-]+)', project, re.MULTILINE)}
    assert declared | {"hatchling"} <= locked
    assert "http" not in re.sub(r"http(?:core|x)\w*", "", lock)


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "templates/tokenaudit.gitlab-ci.yml")],
)
def test_the_files_obey_the_published_schemas(schema: str, file: str) -> None:
    done = _run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("pre-commit", path=str(BIN)) is None, reason="pre-commit is not installed")
def test_pre_commit_stops_a_commit_with_a_credential(tmp_path: Path) -> None:
    """With a clone of this very tree as the hook's repository; its dependencies come from this environment."""
    hook = _clone_of_this_tree(tmp_path / "hook")
    repo = GitRepo(tmp_path / "repo")
    config = {"repos": [{"repo": str(hook.path), "rev": hook.head(), "hooks": [{"id": "tokenaudit"}]}]}
    repo.commit(files={".pre-commit-config.yaml": yaml.safe_dump(config)})
    token = Mint(15).user_token()
    repo.write("train.py", f'login("{token}")\n')
    repo.git("add", "train.py")
    stopped = _pre_commit(repo, tmp_path)
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "train.py" in stopped.stdout
    assert token not in stopped.stdout + stopped.stderr
    repo.write("train.py", "login()\n")
    repo.git("add", "train.py")
    passed = _pre_commit(repo, tmp_path)
    assert passed.returncode == 0, passed.stdout + passed.stderr


@pytest.mark.skipif(shutil.which("pre-commit", path=str(BIN)) is None, reason="pre-commit is not installed")
def test_pre_commit_scans_what_it_is_told_to(tmp_path: Path) -> None:
    """`--files` and `--all-files` by the hook for files, `--from-ref` by the one for commits."""
    hook = _clone_of_this_tree(tmp_path / "hook")
    repo = GitRepo(tmp_path / "repo")
    hooks = [{"id": "tokenaudit"}, {"id": "tokenaudit-tree"}]
    config = {"repos": [{"repo": str(hook.path), "rev": hook.head(), "hooks": hooks}]}
    first = repo.commit(files={".pre-commit-config.yaml": yaml.safe_dump(config), "old.py": "1\n"})
    old, new = Mint(16).user_token(), Mint(17).user_token()
    second = repo.commit(files={"old.py": f'login("{old}")\n'})
    last = repo.commit(files={"old.py": "login()\n", "new.py": f'login("{new}")\n', "clean.py": "2\n"})
    unstaged = _pre_commit(repo, tmp_path, "tokenaudit")
    assert unstaged.returncode == 1  # with nothing staged every tracked file is scanned
    assert "new.py" in unstaged.stdout
    every = _pre_commit(repo, tmp_path, "--all-files")
    assert every.returncode == 1, every.stdout + every.stderr
    assert "new.py" in every.stdout
    assert _pre_commit(repo, tmp_path, "tokenaudit-tree", "--files", "clean.py").returncode == 0
    assert _pre_commit(repo, tmp_path, "tokenaudit-tree", "--files", "new.py").returncode == 1
    ranges = {(first, last): ["old.py", "new.py"], (first, second): ["old.py"], (second, last): ["new.py"]}
    for (start, end), names in ranges.items():
        done = _pre_commit(repo, tmp_path, "tokenaudit", "--from-ref", start, "--to-ref", end)
        assert done.returncode == 1, done.stdout + done.stderr
        assert [name for name in ("old.py", "new.py") if name in done.stdout] == names
        assert old not in done.stdout
        assert new not in done.stdout


def _clone_of_this_tree(folder: Path) -> GitRepo:
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    hook = GitRepo(folder)
    for name in files.split("\0")[:-1]:
        if not name.startswith(("tests/", "docs/", "benchmarks/")) and (ROOT / name).is_file():
            hook.write(name, (ROOT / name).read_bytes())
    hook.commit("as it stands")
    return hook


def _pre_commit(repo: GitRepo, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The hook's own environment holds tokenaudit alone; all else it finds here, so nothing is downloaded.
    env = {
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return _run([str(BIN / "pre-commit"), "run", "--color", "never", *arguments], repo.path, env)
