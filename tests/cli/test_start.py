"""How a process starts and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.mint import Mint


def run_python(program: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `program` in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("given", "frozen"), [("", True), ("['--version']", False)])
def test_only_a_process_of_its_own_is_left_without_collecting(given: str, frozen: bool, tmp_path: Path) -> None:
    program = f"import gc; from tokenaudit.cli import main; main({given}); print(gc.get_freeze_count() > 100)"
    done = run_python(program, tmp_path, "--version")
    assert done.stdout.splitlines()[-1:] == [str(frozen)], done.stderr


def test_what_a_process_does_at_its_end_is_still_done(tmp_path: Path) -> None:
    program = (
        "import atexit, sys; atexit.register(print, 'at the end'); from tokenaudit.cli import main; sys.exit(main())"
    )
    done = run_python(program, tmp_path, "scan", "nowhere")
    assert (done.returncode, done.stdout) == (2, "at the end\n"), done.stderr


@pytest.mark.parametrize("buffered", ["", "-u"])
def test_the_process_ends_with_all_written_and_everything_done(buffered: str, tmp_path: Path) -> None:
    (tmp_path / "push.py").write_text(f"token = '{Mint('end').user_token()}'\n")
    program = "import atexit; atexit.register(print, 'at the end'); from tokenaudit.cli import start; start()"
    done = subprocess.run(
        [sys.executable, *buffered.split(), "-c", program, "scan", "--format", "json", "push.py"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    report, _, last = done.stdout.rstrip().rpartition("\n")
    assert (done.returncode, last, done.stderr) == (1, "at the end", "")
    assert len(json.loads(report)["credentials"]) == 1


def test_a_process_waits_for_its_threads(tmp_path: Path) -> None:
    program = (
        "import threading, time; from tokenaudit.cli import end\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('done'))).start(); end(3)"
    )
    done = run_python(program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "done\n", "")


def test_a_profile_of_a_command_is_printed(tmp_path: Path) -> None:
    program = "import cProfile; from tokenaudit.cli import start; cProfile.run('start()')"
    assert "function calls" in run_python(program, tmp_path, "--version").stdout


def test_a_scan_with_a_finding_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "push.py").write_text(f"token = '{Mint('start').user_token()}'\n")
    program = "import sys; from tokenaudit.cli import main; main(); print(sorted(sys.modules))"
    done = run_python(program, tmp_path, "scan", "push.py")
    assert "1 credential found" in done.stdout, done.stderr
    unneeded = (
        "http.client", "ssl", "httpx", "huggingface_hub.hf_api", "numpy", "pydantic", "typer", "rich", "hyperscan",
        "msgspec", "tomllib", "tokenaudit.content.load_policy", "tokenaudit.git.pack.reader",
    )  # fmt: skip
    assert [name for name in unneeded if f"'{name}'" in done.stdout] == []


_FORKING = """
import os, signal
from tokenaudit.cli.errors import run

def in_worker():
    worker = os.fork()
    if not worker:
        os._exit(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
    print(os.waitpid(worker, 0)[1], signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)

run(in_worker)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_workers_that_a_library_forks_end_at_once_on_sigterm(tmp_path: Path) -> None:
    """A handler in Python can come too late for a worker that waits for a lock."""
    done = run_python(_FORKING, tmp_path)
    assert (done.stdout, done.stderr) == ("0 True\n", "")
