"""Messages on stderr: one line in a pipe, broken at blanks only in a terminal, and never cut."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.posix import posix_only
from tokenaudit.cli import logs
from tokenaudit.cli.errors import ask, say
from tokenaudit.cli.logs import LogLevel
from tokenaudit.cli.progress import TerminalProgress
from tokenaudit.cli.sweep_screen import LiveDisplay
from tokenaudit.hub.rate_limit import RateLimitWindow
from tokenaudit.sweep.progress import ReadCounter, SweepProgress, figures, how_far
from tokenaudit.text import columns, wrapped

if sys.platform != "win32":
    import fcntl
    import pty
    import struct
    import termios

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
LONG = "/home/someone/" + "/".join(f"folder-{number}" for number in range(12))
MESSAGE = f"error: {LONG} does not exist; pass a folder, a file, a git repository or a clone URL of well-known hosts"


@contextmanager
def terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A terminal of `width` columns as stderr; yields what reads everything written to it."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with (
        os.fdopen(side, "w", encoding="utf-8") as stream,
        os.fdopen(main, "rb", buffering=0) as read,
        monkeypatch.context() as patch,
    ):
        patch.setattr("sys.stderr", stream)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(width))

        def everything() -> str:
            stream.write("\x00")
            stream.flush()
            data = b""
            while not data.endswith(b"\x00"):
                data += read.read(4096) or b"\x00"
            return _ESCAPES.sub("", data.decode()).rstrip("\x00").replace("\r\n", "\n")

        yield everything


def log(message: str) -> None:
    logs.set_level(LogLevel.INFO)
    logging.getLogger("tokenaudit").info(message)
    logs.stop()


def question(message: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("no\n"))
        ask(message)


WRITERS: list[tuple[Callable[[str], object], str]] = [
    (say, f"tokenaudit: {MESSAGE}"),
    (log, f"tokenaudit: INFO: {MESSAGE}"),
    (question, MESSAGE),
]


@posix_only
@pytest.mark.parametrize("width", [80, 40, 20])
def test_a_message_is_broken_at_blanks_only(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for write, whole in WRITERS:
        with terminal(width, monkeypatch) as written:
            write(MESSAGE)
            rows = written().rstrip("\n").split("\n")
        assert " ".join(row.strip() for row in rows) == whole
        assert all(len(row) <= width or " " not in row.strip() for row in rows)
        assert len(rows) > 2


@posix_only
@pytest.mark.parametrize("screen", [TerminalProgress, LiveDisplay])
@pytest.mark.parametrize("width", [80, 40, 20])
def test_a_note_next_to_the_progress_is_broken_at_blanks_only(
    screen: type[TerminalProgress | LiveDisplay], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(width, monkeypatch) as written:
        with screen(color=False) as progress:
            progress.note(MESSAGE)
        shown = written()
    rows = shown[shown.index("error:") :].split("\n")
    assert " ".join(row.strip() for row in rows).startswith(MESSAGE)
    assert LONG in shown


@posix_only
@pytest.mark.parametrize("width", [80, 40, 20])
def test_the_live_lines_of_a_sweep_are_whole_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = ReadCounter()
    progress = SweepProgress([], {}, frozenset(), counter, lambda: RateLimitWindow(12_345, 200.0))
    progress.repositories, progress.repositories_done = 123_456, 12_345
    counter.objects, counter.bytes = 123_456_789, 987_654_321
    with terminal(width, monkeypatch) as written:
        with LiveDisplay(color=False) as display:
            display._live.refresh()
            display.watch(progress)
            display._live.refresh()
            expected = f"{how_far(progress)} {figures(progress, progress.speed())}"
        shown = " ".join(written().replace("\r", "\n").split())
    assert "listing the namespace" in shown
    assert [word for word in expected.split() if word not in shown.split() and not word[0].isdigit()] == []
    assert "12,345" in shown
    assert "123,456" in shown


@posix_only
@pytest.mark.parametrize("width", [80, 40, 20])
def test_the_figures_of_a_scan_are_whole_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(width, monkeypatch) as written:
        with TerminalProgress(color=False) as progress:
            progress.start(f"history of {LONG}", 1_234_567)
            progress.advance(123_456, 98_765_432)
            progress._bar.refresh()
        shown = " ".join(written().replace("\r", "\n").split())
    assert "123,456/1,234,567" in shown
    assert shown.count(" left") >= 1


def test_in_a_pipe_a_message_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    say(MESSAGE)
    log(MESSAGE)
    assert capsys.readouterr().err == f"tokenaudit: {MESSAGE}\ntokenaudit: INFO: {MESSAGE}\n"


def test_in_a_file_a_message_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        say(MESSAGE)
    assert (tmp_path / "log").read_text("utf-8") == f"tokenaudit: {MESSAGE}\n"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=200), st.integers(1, 100))
def test_wrapping_loses_nothing_and_breaks_no_word(text: str, width: int) -> None:
    rows = wrapped(text, width, indent="").split("\n")
    assert " ".join(rows) == text
    assert {word for row in rows for word in row.split(" ")} <= set(text.split(" "))
    for row in rows:
        assert columns(row.rstrip(" ")) <= width or " " not in row.strip(" ") or row.startswith(" ")
