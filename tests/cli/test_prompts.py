"""What commands ask and say at a terminal, driven through a real one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("driven through a POSIX terminal", allow_module_level=True)
else:
    import pty

from tests.hub.double import HubDouble, hub_double
from tests.support.cli import environment, tokenaudit
from tests.support.inprocess import run
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]

_LONGEST = 20.0
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""getpass asks the controlling terminal."""


def at_a_terminal(home: Path, *arguments: str, typed: str, after: str, **variables: str) -> tuple[str, str, int]:
    """What the terminal showed, what came on stdout, and the exit code; `typed` is sent when it shows `after`."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, "-m", "tokenaudit", *arguments],
        env=environment(home, {"TERM": "xterm", "COLUMNS": "80", **variables}),
        stdin=side, stderr=side, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(side)
    shown, sent, ends = b"", False, time.monotonic() + _LONGEST
    while time.monotonic() < ends:
        ready, _, _ = select.select([main], [], [], 0.2)
        if ready:
            try:
                shown += os.read(main, 4096)
            except OSError:
                break
        if not sent and after.encode() in shown:
            os.write(main, typed.encode())
            sent = True
        if process.poll() is not None and not ready:
            break
    assert process.stdout is not None
    if process.poll() is None and time.monotonic() >= ends:
        process.kill()
    with process:
        out = process.stdout.read().decode()
    os.close(main)
    return shown.decode("utf-8", "replace"), out, process.returncode


def test_fingerprint_asks_without_echo(tmp_path: Path) -> None:
    mint = Mint(41)
    values = [mint.user_token() for _ in range(3)]
    typed = "".join(f"{value}\n" for value in values)
    shown, out, code = at_a_terminal(tmp_path, "fingerprint", typed=f"{typed}\n", after="value: ")
    assert (out.splitlines(), code) == ([fingerprint(value) for value in values], 0)
    assert "enter one value per line" in shown
    assert not any(value in shown for value in values)


def test_inspect_asks_without_echo(tmp_path: Path, hub_double: HubDouble) -> None:
    value = hub_double.knows(Mint(42).user_token())
    shown, out, code = at_a_terminal(
        tmp_path, "inspect", typed=f"{value}\n\n", after="value: ", HF_ENDPOINT=hub_double.endpoint
    )
    assert code == 1
    assert fingerprint(value) in out
    assert value not in shown + out


@pytest.mark.parametrize(("arguments", "what"), [(("plan",), "a JSON report"), (("scan", "-"), "text to scan")])
def test_what_is_awaited_is_said(tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    shown, _, _ = at_a_terminal(tmp_path, *arguments, typed="\x04", after="waiting for")
    assert f"waiting for {what} on stdin" in shown


def test_nothing_is_said_where_stdin_is_a_pipe() -> None:
    for command in ("plan", "report"):
        ran = run(command, given="{}")
        assert ran.code == 2
        assert "waiting" not in ran.err


def test_fingerprint_of_nothing_says_so() -> None:
    ran = run("fingerprint")
    assert (ran.code, ran.out) == (2, "")
    assert "no credentials; pass them on stdin" in ran.err
    assert run("fingerprint", given="\n").out == "\n"


def test_a_token_is_not_asked_for_where_it_can_not_be_stored(tmp_path: Path) -> None:
    shown, _, code = at_a_terminal(tmp_path, "auth", "set", "hf", typed="", after="no secure keyring")
    assert code == 2
    assert "token for" not in shown
    ran = tokenaudit("auth", "set", "hf", stdin=b"x", home=tmp_path)
    assert ran.code == 2
    assert "no secure keyring" in ran.err
