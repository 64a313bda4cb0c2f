"""Markdown in which a name stays a name: parsed by a real CommonMark parser."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.report import render
from tokenaudit.report.markdown import code, text
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
    written = text(f"x{value}x")
    shown = MarkdownIt("commonmark").parseInline(written)[0].children or []
    assert {token.type for token in shown} <= {"text", "text_special"}
    plain = html.unescape(written)
    assert "@" not in plain.replace("@\u200b", "")
    assert "#" not in plain.replace("#\u200b", "")
    assert "://" not in plain


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
