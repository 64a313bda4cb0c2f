"""Whoever prints, logs, warns or fails in a process of ours prints through a stream that masks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.mint import Mint
from tests.support.traces import KINDS, assert_hidden
from tokenaudit.cli.progress import TerminalProgress
from tokenaudit.cli.sweep_screen import LiveDisplay, PlainDisplay

SAYS = {
    "print": "print(VALUE)",
    "print to stderr": "print('a', VALUE, file=sys.stderr)",
    "writelines": "sys.stdout.writelines(['a\\n', VALUE, '\\n'])",
    "a log": "import logging; logging.warning('got %s', VALUE)",
    "a library's log": "import huggingface_hub.utils.logging as l; l.get_logger('huggingface_hub').error(VALUE)",
    "a warning": "import warnings; warnings.warn(VALUE)",
    "an error": "raise RuntimeError(VALUE)",
    "a chain of errors": "try:\n    {}[VALUE]\nexcept KeyError:\n    raise ValueError(VALUE)",
    "an interrupt": "raise KeyboardInterrupt(VALUE)",
    "a thread": "import threading; t = threading.Thread(target=lambda: {}[VALUE]); t.start(); t.join()",
    "a finalizer": "class A:\n    def __del__(self): raise RuntimeError(VALUE)\nA()",
    "exit": "sys.exit(VALUE)",
    "typer": "import typer; typer.echo(VALUE); typer.echo(VALUE, err=True); typer.secho(VALUE, fg='red')",
    "rich": "import rich.console; rich.console.Console(stderr=True).print(VALUE, soft_wrap=True)",
    "a command to a log": "print('##vso[task.x]y'); print('::add-mask::x', file=sys.stderr)",
}


@pytest.mark.parametrize("what", SAYS)
def test_nobody_prints_a_value(tmp_path: Path, what: str) -> None:
    mint = Mint(what)
    value = mint.random.choice(KINDS)(mint)
    start = "import os, sys\nfrom tokenaudit.cli import streams\nstreams.guard()\nVALUE = os.environ['VALUE']\n"
    code = f"{start}{SAYS[what]}\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path, {"VALUE": value, "PYTHONPATH": str(Path(__file__).parents[2])}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = done.stdout.decode() + done.stderr.decode()
    assert_hidden(said, [value], what)
    assert "##vso[" not in said
    assert "\n::" not in f"\n{said}"
    assert said.strip(), "nothing was said at all"


@pytest.mark.parametrize("screen", [TerminalProgress, LiveDisplay, lambda: PlainDisplay(quiet=False)])
def test_a_note_commands_no_terminal_and_shows_no_value(
    screen: type[TerminalProgress], capsys: pytest.CaptureFixture[str]
) -> None:
    value = Mint(77).user_token()
    with screen() as progress:
        progress.note(f"\x1b]0;title\x07\x1b[2J##vso[task.x] {value}\r\n::error::x")
        if isinstance(progress, TerminalProgress):
            progress.start(f"\x1b[31m[bold]{value}", 3)
    written = capsys.readouterr().err
    assert r"\x1b]0;title\x07\x1b[2J" in written
    assert "\x1b]0" not in written
    assert "\x1b[2J" not in written
    assert "##vso[" not in written
    assert "\n::" not in written
    assert_hidden(written, [value], "the screen")
