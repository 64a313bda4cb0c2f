"""Markdown in which a name stays a name: parsed by a real CommonMark parser."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support import reports
from tests.support.cli import environment
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.report.markdown import code, on_terminal, text
from tokenaudit.secret import Secret

OURS = {"<details><summary><b>", "</details>", "<b>", "<code>"}
NASTY = st.one_of(
    st.text(st.characters(), max_size=30),
    st.text(st.sampled_from(list("`*_[]()<>!|~#@:/&;\\ax\n")), max_size=30),
    st.sampled_from([
        "<script>alert(1)</script>", "![x](http://x.org/y)", "[a](javascript:b)", "`` ` ```", "@everyone", "a|b",
        "#12", "http://x.org", "www.x.org", "</details>", "<!--", "&lt;", "- [ ] x", "$x$",
    ]),
)  # fmt: skip


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


@settings(deadline=None)
@given(NASTY)
def test_a_code_span_shows_exactly_the_name(value: str) -> None:
    shown = MarkdownIt("commonmark").parseInline(code(value))[0].children or []
    assert [token.type for token in shown] == ["code_inline"]


@settings(deadline=None)
@given(NASTY)
def test_words_are_only_words(value: str) -> None:
    """No markup, no HTML, and no sign next to which the site would look for a person, an issue or an address."""
    written = text(f"x {value} x")
    shown = MarkdownIt("commonmark").parseInline(written)[0].children or []
    assert {token.type for token in shown} <= {"text", "text_special", "code_inline"}
    assert all("://" in token.content for token in shown if token.type == "code_inline")
    plain = "".join(token.content for token in shown if token.type != "code_inline")
    assert not re.search(r"(?<![\w.+-])@(?!\u200b)|#(?!\u200b|\d+;)|://|\bwww\.", html.unescape(plain))


@pytest.mark.parametrize(
    ("value", "file"),
    [
        ("Dev Team <dev.team+ci@example.org>", "Dev Team &lt;dev.team+ci@example.org&gt;"),
        (
            "see https://hub.example/a_b/c*d#e (worst: high)",
            "see `https://hub.example/a_b/c`\\*d#\u200be (worst: high)",
        ),
        ("hf_****WxYz in my_file.py: 3 found!", "hf\\_\\*\\*\\*\\*WxYz in my_file.py: 3 found!"),
        ("_emphasis_ and [x](y)", "\\_emphasis\\_ and \\[x\\](y)"),
        ("@team #12 www.x.org", "@\u200bteam #\u200b12 www\u200b.x.org"),
    ],
)
def test_only_what_markdown_reads_is_escaped(value: str, file: str) -> None:
    assert text(value) == file.replace("\u200b", "&#8203;")
    assert on_terminal(text(value)).replace("`", "") == value.replace("`", "")


def test_a_terminal_shows_no_escapes_and_code_as_it_is() -> None:
    report = a_leak()
    spots = tuple(replace(spot, author="*Dev* & <dev@example.org>") for spot in report.credentials[0].locations)
    report = replace(report, credentials=(replace(report.credentials[0], locations=spots),))
    for_file, for_terminal = (render(report, "markdown", width=width) for width in (None, 80))
    assert "\\*Dev\\* &amp; &lt;dev@example.org&gt;" in for_file
    assert "*Dev* & <dev@example.org>" in for_terminal
    assert not re.search(r"&(?:#\d+|amp|lt|gt);|\\[*_\[\]]|\u200b", for_terminal)
    assert on_terminal("`a\\*b &amp; c` \\* &amp;") == "`a\\*b &amp; c` * &"


@settings(max_examples=60, deadline=None)
@given(NASTY)
def test_a_hostile_report_has_the_structure_of_a_tame_one(value: str) -> None:
    report = a_leak()
    tokens = []
    for name in ("tame", f"x{value}x"):
        spots = tuple(replace(spot, path=name, author=name) for spot in report.credentials[0].locations)
        problem = replace(report.problems[0], path=name, message=name, remedy=name)
        hostile = replace(report, credentials=(replace(report.credentials[0], locations=spots),), problems=(problem,))
        parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(render(hostile, "markdown"))
        tokens.append([token.type for token in parsed])
    assert tokens[0] == tokens[1]


def test_the_verdict_stands_on_top_and_the_next_step_at_the_end() -> None:
    lines = render(a_leak(), "markdown").splitlines()
    assert lines[2].startswith("**1 credential found")
    assert lines[-1].startswith("Next&#58;") or lines[-1].startswith("Next:")


def test_a_long_report_is_cut_with_a_count() -> None:
    page = render(reports.breach(400, 10), "markdown")
    assert len(page.encode()) < 65_536
    assert "more findings**" in page


@pytest.mark.parametrize("empty", ["", " ", "\u200b"])
def test_an_empty_name_breaks_nothing(empty: str) -> None:
    assert code(empty).startswith("`")


def test_what_is_not_listed_is_counted() -> None:
    page = render(replace(a_leak(), summary=model.Summary(1, 1, 1, 1, unlikely=4, known=7)), "markdown")
    assert "7 findings in the baseline, not listed." in page
    assert "look-alikes not listed: 4." in page


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_runbook_on_a_terminal_is_readable(tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - not on Windows

    saved = tmp_path / "report.json"
    saved.write_text(render(a_leak(), "json"))
    main, side = pty.openpty()
    command = [sys.executable, "-m", "tokenaudit", "plan", str(saved)]
    with subprocess.Popen(command, stdout=side, stdin=subprocess.DEVNULL, env=environment(tmp_path)) as process:
        os.close(side)
        shown = b""
        while True:
            try:
                piece = os.read(main, 65_536)
            except OSError:  # the terminal is closed
                break
            if not piece:
                break
            shown += piece
    os.close(main)
    assert process.returncode == 0
    assert b"# Breach" in shown
    assert not re.search(rb"&(?:#\d+|amp|lt|gt);|\\[*_\[\]]", shown)
