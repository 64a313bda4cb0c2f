"""How a process starts and ends."""

from __future__ import annotations

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
