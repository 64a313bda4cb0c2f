"""Progress in a terminal of 80 columns: count, rate and remaining time stay, the path is shortened."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenaudit.cli.progress import TerminalProgress, progress_line
from tokenaudit.text import columns

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
LONG = "history of /home/someone/work/" + "/".join(f"folder-{number}" for number in range(30)) + "/repository"
FIGURES = re.compile(
    r"(\d[\d,]*)(?:/(\d[\d,]*))?  (?:[\d,]+|-)/s(?: [\d,.]+ [a-zA-Z]+/s)?  (?:\d+|-):[\d-]{2}:[\d-]{2} left"
)


@pytest.mark.parametrize("width", [80, 60, 50])
@pytest.mark.parametrize("total", [None, 48_211, 1])
def test_the_figures_survive_any_path(width: int, total: int | None) -> None:
    line = progress_line(LONG, 12_345, total, speed=98_765.4, size=5.6e8, left=3_725, width=width)
    assert len(line) <= width
    assert FIGURES.search(line)
    assert line.endswith("98,765/s 560.0 MB/s  1:02:05 left")
    if width == 80:
        assert line.startswith("history of")
        assert "repository" in line or "…" in line


@pytest.mark.parametrize("width", [40, 30, 20, 10])
def test_figures_that_are_wider_than_the_terminal_have_lines_of_their_own(width: int) -> None:
    line = progress_line(LONG, 12_345, 48_211, speed=98_765.4, size=5.6e8, left=3_725, width=width)
    assert line.split() == ["12,345/48,211", "98,765/s", "560.0", "MB/s", "1:02:05", "left"]
    assert all(len(row) <= width or " " not in row for row in line.split("\n"))


def test_wide_characters_push_no_figure_out() -> None:
    name = "\u5b66\u4e60/" * 40
    line = progress_line(name, 12_345, None, speed=98_765.4, size=5.6e8, left=3_725, width=60)
    assert columns(line) <= 60
    assert "\u2026" in line
    assert line.endswith("98,765/s 560.0 MB/s  1:02:05 left")


@given(st.integers(0, 10**7), st.none() | st.integers(0, 10**7), st.integers(45, 200), st.text(max_size=300))
def test_there_is_never_more_done_than_there_is(done: int, total: int | None, width: int, what: str) -> None:
    line = progress_line(what, done, total, speed=None, size=None, left=None, width=width)
    found = FIGURES.search(line)
    assert found
    assert found[2] is None or int(found[1].replace(",", "")) <= int(found[2].replace(",", ""))


def test_a_stage_that_reads_more_than_it_announced_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", drawn)
    monkeypatch.setattr(drawn, "isatty", lambda: True, raising=False)
    with TerminalProgress(color=False) as progress:
        progress.start("files of [b]x[/b]", 4)
        for _ in range(5):
            progress.advance(1, 2_000_000)
        progress._bar.refresh()
    lines = [line for line in re.split(r"[\r\n]", _ESCAPES.sub("", drawn.getvalue())) if "files of" in line]
    assert lines
    assert all(len(line) <= 80 for line in lines)
    assert "5/5" in lines[-1]
    assert "5/4" not in drawn.getvalue()
    assert "[b]x[/b]" in lines[-1]
