"""The ways into other people's CI, each run as far as that goes without their machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _scan_step() -> dict[str, Any]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    return next(step for step in action["runs"]["steps"] if step["name"] == "Scan")


def _scanned(repo: GitRepo, tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's scan, run by bash as a runner does it."""
    temp = tmp_path / "runner"
    (temp / "tokenaudit").mkdir(parents=True, exist_ok=True)
    if not (temp / "tokenaudit" / "bin").exists():
        (temp / "tokenaudit" / "bin").symlink_to(BIN, target_is_directory=True)
    defaults = {"targets": ".", "fail-on": "low", "since": "", "arguments": ""}
    given = {**defaults, **{key.replace("_", "-"): value for key, value in inputs.items()}}
    step = _scan_step()
    env = {name: given[value.split("inputs.")[1].split(" ")[0]] for name, value in step["env"].items()}
    env |= {"RUNNER_TEMP": str(temp), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    return _run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]], repo.path, env)


def test_the_action_annotates_fails_and_writes_a_summary(tmp_path: Path) -> None:
    token = Mint(11).user_token()
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"train.py": f'login("{token}")\n'})
    done = _scanned(repo, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "::error " in done.stdout
    assert "train.py" in (tmp_path / "summary.md").read_text()
    assert token not in done.stdout + done.stderr + (tmp_path / "summary.md").read_text()


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


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "templates/tokenaudit.gitlab-ci.yml")],
)
def test_the_files_obey_the_published_schemas(schema: str, file: str) -> None:
    done = _run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_template_writes_the_report_that_it_declares(tmp_path: Path) -> None:
    job = yaml.safe_load((ROOT / "templates" / "tokenaudit.gitlab-ci.yml").read_text())["tokenaudit"]
    install, scan = job["script"]
    assert install.startswith("python -m pip install")
    repo = GitRepo(tmp_path / "repo")
    repo.commit(files={"a.py": f'login("{Mint(14).user_token()}")\n'})
    env = {**job["variables"], "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = _run(["bash", "-e", "-c", scan], repo.path, env)
    assert done.returncode == 1, done.stderr
    report = json.loads((repo.path / job["artifacts"]["reports"]["secret_detection"]).read_text())
    assert report["vulnerabilities"]


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


def _pre_commit(repo: GitRepo, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    # The hook's own environment holds tokenaudit alone; all else it finds here, so nothing is downloaded.
    env = {
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return _run([str(BIN / "pre-commit"), "run", "--color", "never"], repo.path, env)
