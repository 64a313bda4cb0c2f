"""Files, processes and threads that the system refuses, git processes that die: no finding is lost silently."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.failing import findings
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script as git")
ROOT = Path(__file__).parents[2]
CI = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: hf upload --token ${{ secrets.HF_TOKEN }} x y\n"
GIT = r"""#!/bin/sh
n=0
while ! mkdir "$FAIL_FOLDER/$n" 2>/dev/null; do n=$((n+1)); done
if [ "$n" = "$FAIL_AT" ]; then
  case $FAIL_HOW in
    "killed at once") kill -9 $$;;
    "killed in the middle") GIT "$@" 2>/dev/null | head -c 90; kill -9 $$;;
    "killed at the end") GIT "$@" 2>/dev/null; kill -9 $$;;
    "refused") echo "fatal: unable to create thread: Resource temporarily unavailable" >&2; exit 128;;
  esac
fi
exec GIT "$@"
"""
FAILURES = ("killed at once", "killed in the middle", "killed at the end", "refused")


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A token in every kind of object, and in a ref, the configuration, the index and the working tree."""
    mint = Mint(3)
    made = GitRepo(tmp_path / "repo")
    made.commit("start", {"a.py": f"t = '{mint.user_token()}'\n", ".github/workflows/x.yml": CI})
    made.commit(f"message {mint.user_token()}", {"a.py": "import os\n", "b/c.py": f"'{mint.user_token()}'"})
    made.git("tag", "-a", "v1", "-m", f"tag {mint.user_token()}")
    made.git("notes", "add", "-m", f"note {mint.user_token()}")
    made.git("branch", f"b-{mint.user_token()}")
    made.git("config", "remote.origin.url", f"https://u:{mint.user_token()}@huggingface.co/x/y")
    made.git("repack", "-adq")
    made.commit("gone", {"gone.py": f"'{mint.user_token()}'"})
    made.git("reset", "-q", "--hard", "HEAD~1")
    made.write("staged.txt", f"{mint.user_token()}\n")
    made.git("add", "staged.txt")
    made.write("staged.txt", f"{mint.user_token()}\n")
    return made


def fail_each_process(
    repo: GitRepo, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch, first: int = 0, step: int = 1
) -> int:
    """Scan once for each git process, or one of `step`, which fails; return their number."""
    git = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "bin").mkdir()
    (folder / "bin" / "git").write_text(GIT.replace("GIT ", f"{git} "))
    (folder / "bin" / "git").chmod(0o755)
    whole = findings(scan([repo.path]).report)
    assert len(whole) >= 10
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAIL_HOW", how)
    at = first
    while True:
        used = folder / str(at)
        used.mkdir()
        monkeypatch.setenv("FAIL_FOLDER", str(used))
        monkeypatch.setenv("FAIL_AT", str(at))
        report = scan([repo.path], auditor=Auditor(jobs=2)).report
        assert findings(report) == whole or not report.complete, at
        at += step
        if at > len(list(used.iterdir())):
            return at


def test_some_git_processes_fail(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fail_each_process(repo, tmp_path, "killed at once", monkeypatch, 1, 3) > 3


@pytest.mark.slow
@pytest.mark.parametrize("how", FAILURES)
def test_each_git_process_of_a_small_repository_fails(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    assert fail_each_process(repo, tmp_path, how, monkeypatch) > 3


@pytest.mark.slow
@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("reader", ["git", "packs"])
def test_each_git_process_of_other_repositories_fails(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, reader: str
) -> None:
    monkeypatch.setattr("tokenaudit.git.object_store.read_whole", lambda *_: None)
    if reader == "packs":
        monkeypatch.setattr("tokenaudit.git.object_store.SMALL_REPOSITORY", 0)
        monkeypatch.setattr("tokenaudit.git.parallel.SMALL_WORK", 0)
    assert fail_each_process(repo, tmp_path, how, monkeypatch) > 8


def failed_calls(repo: GitRepo, step: int) -> int:
    command = [sys.executable, "-m", "tests.support.failing", str(repo.path), str(step)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    runs, lost = ast.literal_eval(done.stdout)
    assert lost == []
    return int(runs)


def test_some_system_calls_fail(repo: GitRepo) -> None:
    assert failed_calls(repo, 60) >= 4


@pytest.mark.slow
def test_every_system_call_fails_once_and_for_good(repo: GitRepo) -> None:
    assert failed_calls(repo, 1) > 100
