"""Closed, full and abandoned streams, and files that can't be written: one line, the right code, nothing left over."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Ran, environment, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    repo = GitRepo(tmp_path / "leak")
    repo.commit("add", {"a.py": Mint(61).user_token()})
    return repo.path


def shell(line: str, home: Path) -> Ran:
    """Runs a command line of sh in which `tokenaudit` is ours."""
    ours = f"{shlex.quote(sys.executable)} -m tokenaudit"
    done = subprocess.run(
        ["/bin/sh", "-c", f'tokenaudit() {{ {ours} "$@"; }}; {line}'],
        cwd=home,
        env=environment(home),
        capture_output=True,
        check=False,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("command", ["scan leak", "rules", "plugins", "--help", "--version", "scan --help"])
@pytest.mark.parametrize("redirection", [pytest.param(">/dev/full", marks=needs_full), ">&-"])
def test_a_stdout_that_takes_nothing_is_one_line(leak: Path, command: str, redirection: str) -> None:
    ran = shell(f"tokenaudit {command} {redirection}", leak.parent)
    assert ran.code == 2
    assert ran.err.startswith("tokenaudit: error: can't write to stdout: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [("scan leak -q", 1), ("fingerprint", 2), ("inspect --no-token", 2), ("plan", 2), ("report", 2)],
)
def test_a_closed_stdin_is_an_empty_one(leak: Path, command: str, code: int) -> None:
    closed, empty = (shell(f"tokenaudit {command} {how}", leak.parent) for how in ("<&-", "</dev/null"))
    assert (closed.code, closed.err) == (empty.code, empty.err)
    assert closed.code == code
    assert "internal error" not in closed.err


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_a_stderr_that_takes_nothing_loses_messages_only(leak: Path, redirection: str) -> None:
    for more in ("", "-v"):
        ran = shell(f"tokenaudit scan leak {more} {redirection}", leak.parent)
        assert ran.code == 1
        assert "hf_****" in ran.out
    assert shell(f"tokenaudit scan nosuch {redirection}", leak.parent).code == 2


@pytest.mark.skipif(os.name != "posix", reason="a pipe")
def test_a_stderr_that_nobody_reads_loses_messages_only(leak: Path) -> None:
    for arguments, code in ((["scan", "leak", "-v"], 1), (["scan", "nosuch"], 2), (["scan", "--nosuch"], 2)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "tokenaudit", *arguments],
            cwd=leak.parent, env=environment(leak.parent), stdout=subprocess.PIPE, stderr=writer, check=False,
        )  # fmt: skip
        os.close(writer)
        assert (done.returncode, b"hf_****" in done.stdout) == (code, code == 1)


def test_a_reader_that_goes_away_is_no_trouble(leak: Path) -> None:
    ran = shell("tokenaudit rules | head -1", leak.parent)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("command", ["scan leak", "scan leak -f json", "scan leak -f html", "rules", "--help"])
def test_a_reader_that_reads_nothing_never_gets_a_traceback(leak: Path, command: str) -> None:
    """Whether the report fits into the pipe before its reader ends is chance, so the code is one of two."""
    ran = shell(f"(tokenaudit {command}; echo $? >&2) | head -0", leak.parent)
    assert ran.err in {"3\n", "1\n" if "scan" in command else "0\n"}


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_dash_as_output_is_stdout(leak: Path, format_: str) -> None:
    ran = tokenaudit("scan", leak, "-f", format_, "--output", "-", home=leak.parent, cwd=leak.parent)
    assert ran.code == 1
    assert "hf_****" in ran.out
    assert not (leak.parent / "-").exists()


@pytest.mark.parametrize("command", [["scan", "leak"], ["plan", "report.json"]])
@pytest.mark.parametrize("place", ["folder", "missing/report.txt", pytest.param("/dev/full", marks=needs_full)])
def test_an_output_that_cannot_be_written_is_named(leak: Path, command: list[str], place: str) -> None:
    home = leak.parent
    (home / "folder").mkdir()
    (home / "report.json").write_text(tokenaudit("scan", leak, "-f", "json", home=home).out)
    before = sorted(home.rglob("*"))
    ran = tokenaudit(*command, "--output", place, home=home, cwd=home)
    assert ran.code == 2
    is_late = place == "/dev/full" and command[0] == "scan"  # a report that is made already is printed instead
    assert ("hf_****" in ran.out) if is_late else ran.out == ""
    assert ran.err.startswith(f"tokenaudit: error: can't write to {place}: ")
    assert ran.err.count("\n") == 1
    assert sorted(home.rglob("*")) == before


def test_a_keyring_that_cannot_be_loaded_is_a_place_that_was_not_read(tmp_path: Path) -> None:
    ran = tokenaudit("doctor", "-f", "json", home=tmp_path, env={"PYTHON_KEYRING_BACKEND": "nowhere.Keyring"})
    assert (ran.code, ran.err) == (3, "")
    (gap,) = ran.report["skipped"]
    assert gap["where"] == "OS keyring"
    assert "can't be loaded" in gap["reason"]
