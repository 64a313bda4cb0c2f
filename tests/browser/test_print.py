"""The page on paper, as Chromium prints it: few pages, none half empty, no heading at the end of one."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pypdf
import pytest

from tests.browser.conftest import Open
from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.permissions import TOKEN_PERMISSIONS
from tokenaudit.rule_index import all_rules
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST_PAGES = 25
HEADINGS = {
    "Summary", "Findings, worst first", "Exposure over time", "Reach by harm", "Skipped", "Audited", "Policy", "Why",
    "Replace it with", "Still present", "Removed, still in the history", "What it can do", "What it reaches",
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A printed page: its text, and the lines with their distance from the top as a share of the height."""

    text: str
    lines: tuple[tuple[float, str], ...]


def printed(page: Page) -> list[Sheet]:
    """What Chromium makes of the page."""
    return [sheet(each) for each in pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages]


def sheet(page: pypdf.PageObject) -> Sheet:
    height = float(page.mediabox.height)
    lines: dict[float, str] = {}

    def visit(text: str, user: list[float], matrix: list[float], *_: object) -> None:
        if text.strip():
            down = round(1 - (matrix[5] * user[3] + user[5]) / height, 3)
            lines[down] = lines.get(down, "") + text.strip()

    text = page.extract_text(visitor_text=visit)
    ordered = sorted(lines.items())
    footer = ordered[-1][0] if ordered and "/" in ordered[-1][1] else 2.0
    return Sheet(text, tuple(line for line in ordered if line[0] < footer))


def all_active(number: int) -> model.Report:
    """The largest report for its number of credentials: all of them critical, with many places and permissions."""
    report = reports.breach(number, 20)
    credentials = tuple(
        replace(
            each,
            inspection=replace(each.inspection, status="active") if each.inspection else None,
            verdict=model.Verdict(
                model.Severity.CRITICAL,
                "over",
                tuple(
                    model.Reason(f"token-rule-{rule}", model.Severity.CRITICAL, "It can do much. " * 4, "Narrow it.")
                    for rule in range(3)
                ),
            ),
        )
        for each in report.credentials
    )
    return replace(report, credentials=credentials, summary=model.Summary.of(credentials, report.problems))


@pytest.mark.parametrize("report", [reports.breach(60, 10), all_active(60)], ids=["breach", "all-active"])
def test_sixty_credentials_fit_on_few_full_pages(opened: Open, report: model.Report) -> None:
    sheets = printed(opened(report, rules=all_rules()))
    assert 5 < len(sheets) <= MOST_PAGES
    assert "Summary" in sheets[0].text
    assert report.credentials[0].display in "".join(each.text for each in sheets)
    for number, each in enumerate(sheets[:-1], 1):
        assert each.lines[0][0] < 0.15, f"page {number} begins late"
        assert each.lines[-1][0] > 0.5, f"page {number} is half empty"
        assert each.lines[-1][1] not in HEADINGS, f"page {number} ends with a heading"
        bottom = [line for at, line in each.lines if at > each.lines[-1][0] - 0.002]
        assert not HEADINGS & set(bottom)


def test_the_first_page_has_the_facts_the_counters_and_the_summary(opened: Open) -> None:
    report = replace(reports.breach(60, 4), command="tokenaudit sweep acme", endpoint="https://huggingface.co")
    first = printed(opened(report))[0].text
    for part in ("acme (10 targets)", "tokenaudit sweep acme", "80", "60", "Severity", "Credential", "First place"):
        assert part in first
    assert first.count("hf_") > 10


def test_every_credential_is_on_paper_and_dead_ones_in_the_summary_only(opened: Open) -> None:
    report = reports.breach(20, 4)
    text = "".join(each.text for each in printed(opened(report)))
    for credential in report.credentials:
        times = text.count(credential.fingerprint)
        assert times == (0 if credential.dead else 1)
        assert credential.display in text


def test_a_small_report_is_a_small_document(opened: Open) -> None:
    assert len(printed(opened(reports.clean()))) == 1
    assert len(printed(opened(reports.leaked(Secret(Mint(3).user_token()))))) <= 2


def test_credentials_that_were_not_inspected_use_the_whole_width(opened: Open) -> None:
    """Without what the Hub says of them, a column would be empty and the text beside it a page long."""
    report = all_active(20)
    grants = tuple(model.Grant(model.Entity("model", f"acme/model-{each}"), ("repo.write",)) for each in range(40))
    patch = "".join(f"+ line {number} of a workflow that is proposed\n" for number in range(8))
    offline = tuple(
        replace(
            each, inspection=None, reach=None, recommendation=model.Recommendation("fine-grained", grants, patch=patch)
        )
        for each in report.credentials
    )
    sheets = printed(opened(replace(report, credentials=offline), rules=all_rules()))
    assert len(sheets) <= 16
    assert "and 36 more resources, not printed" in " ".join(sheet.text for sheet in sheets)


def test_every_permission_of_a_printed_resource_is_on_paper(opened: Open) -> None:
    """A permission that is left out could be the dangerous one."""
    names = tuple(sorted(TOKEN_PERMISSIONS))[:24]
    report = all_active(3)
    inspected = tuple(
        replace(
            each,
            inspection=replace(
                each.inspection,
                grants=(model.Grant(model.Entity("org", "acme"), names), model.Grant(model.Entity("user"), names[:5])),
            ),
        )
        for each in report.credentials
        if each.inspection is not None
    )
    page = opened(replace(report, credentials=inspected))
    text = " ".join("".join(each.text for each in printed(page)).split())
    squeezed = text.replace(" ", "")
    for name in names:
        assert squeezed.count(name) >= len(inspected), name
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = "[...document.querySelectorAll('.tree li, .tree code')].filter((e) => e.offsetParent && "
    wide += "e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"
    for width in (794, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(wide) == 0


def test_what_is_not_printed_is_counted(opened: Open) -> None:
    report = all_active(3)
    text = " ".join(" ".join(each.text for each in printed(opened(report))).split())
    assert re.search(r"Still present \d+, 2 printed", text)
    assert text.count("Their names are not printed.") == 3
