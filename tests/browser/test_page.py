"""The page as people use it: open, filter, search, sort, unfold, link, copy, print, in the dark and on a phone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import model
from tokenaudit.map_text import map_text
from tokenaudit.report.html.plots import anchor
from tokenaudit.secret import Secret

NASTY = "</script><img src=x onerror=\"document.title='owned'\"><svg onload=alert(1)>\u202e' onclick='x"


def a_leak() -> model.Report:
    return reports.leaked(Secret(Mint(3).user_token()))


def shown(page: Any) -> int:
    """Findings in the list: a row stands for one credential or several problems."""
    return sum(int(row.get_attribute("data-c") or 0) for row in page.locator(".rows > li:not([hidden])").all())


def until(page: Any, condition: str) -> None:
    """Waits for an expression; the page's policy forbids Playwright to do so in the page."""
    for _ in range(250):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"{condition} never came true: {page.url}")


@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), reports.breach(60, 10)])
def test_opens_without_a_request_or_a_complaint(opened: Open, report: model.Report) -> None:
    page = opened(report)
    assert page.locator("h1").is_visible()
    assert page.locator("#verdict").inner_text().endswith(".")


def test_numbers_lead_to_their_sections(opened: Open) -> None:
    page = opened(reports.breach(10, 3))
    page.get_by_role("link", name="2 places could not be read").click()
    assert page.evaluate("location.hash") == "#not-read"
    assert "429" in page.locator("#not-read").inner_text()
    page.locator("nav").get_by_role("link", name="Exposure").click()
    assert page.locator("#exposure h2").is_visible()


def test_filters_and_search_narrow_the_list_and_say_so(opened: Open) -> None:
    report = reports.breach(60, 4)
    page = opened(report)
    assert shown(page) == 80
    for box in ("high", "medium", "low", "info"):
        page.get_by_label(box, exact=True).uncheck()
    critical = shown(page)
    severities = [*(each.severity for each in report.credentials), *(each.severity for each in report.problems)]
    assert critical == severities.count(model.Severity.CRITICAL)
    page.get_by_label("Status").select_option("active")
    assert shown(page) == 24
    assert page.locator("#shown").inner_text() == "24 of 80 findings shown"
    mark = report.credentials[0].fingerprint
    page.get_by_label("Search").fill(mark)
    assert shown(page) == 1
    page.get_by_label("Search").fill("no such thing")
    assert shown(page) == 0
    page.get_by_role("button", name="Show all").click()
    assert shown(page) == 80
    assert not page.get_by_role("button", name="Clear the filters").is_visible()
    page.get_by_label("Status").select_option("active")
    page.get_by_role("button", name="Clear the filters").click()
    assert shown(page) == 80
    assert page.locator("#dead").get_attribute("open") is None
    page.get_by_label("Status").select_option("expired")
    assert shown(page) == 12
    assert page.locator("#dead-rows > li:visible").count() == 12


def test_the_dead_ones_come_before_what_is_less_severe(opened: Open) -> None:
    report = reports.breach(20, 3)
    notes = tuple(
        replace(report.problems[0], severity=severity) for severity in (model.Severity.LOW, model.Severity.INFO)
    )
    page = opened(replace(report, problems=notes))
    rows = page.locator("#rows > li").all()
    kinds = [row.get_attribute("data-s") or "dead" for row in rows]
    worst = max((each.severity for each in report.credentials if each.dead), key=lambda severity: severity.rank)
    at = kinds.index("dead")
    assert all(model.Severity(kind).rank >= worst.rank for kind in kinds[:at])
    assert all(model.Severity(kind).rank < worst.rank for kind in kinds[at + 1 :])
    assert kinds[at + 1 :]
    page.get_by_label("Order").select_option("name")
    assert page.locator("#rows > li").last.get_attribute("id") == "dead-block"
    page.get_by_label("Order").select_option("harm")
    assert [row.get_attribute("data-s") or "dead" for row in page.locator("#rows > li").all()] == kinds


def test_the_address_has_the_filters(opened: Open) -> None:
    """Whoever opens it sees the same rows in the same order."""
    report = reports.breach(60, 4)
    page = opened(report)
    assert page.evaluate("location.hash") == ""
    page.get_by_label("high", exact=True).uncheck()
    page.get_by_label("Status").select_option("not inspected")
    page.get_by_label("Order").select_option("place")
    page.get_by_label("Search").fill("a b+&?#%25=,\u00e9")
    until(page, "location.hash.includes('search=')")
    page.get_by_label("Search").fill("a")
    until(page, "location.hash.includes('search=a&')")
    names = page.locator("#rows > li:not([hidden]) code.name").all_text_contents()
    numbers = page.locator("#shown").inner_text()
    other = opened(report, page.evaluate("location.hash"))
    assert other.locator("#rows > li:not([hidden]) code.name").all_text_contents() == names
    assert other.locator("#shown").inner_text() == numbers
    assert other.get_by_label("Status").input_value() == "not inspected"
    assert other.get_by_label("Order").input_value() == "place"
    assert not other.get_by_label("high", exact=True).is_checked()
    other.get_by_role("button", name="Clear the filters").click()
    other.get_by_role("button", name="Severity").click()
    until(other, "location.hash === ''")


@pytest.mark.parametrize("text", ["a b+&?#%25=,\u00e9", "%", "\u4e2d \u202e", "x" * 300])
def test_any_search_survives_the_address(opened: Open, text: str) -> None:
    page = opened(a_leak())
    page.get_by_label("Search").fill(text)
    until(page, "location.hash.includes('search=')")
    assert opened(a_leak(), page.evaluate("location.hash")).get_by_label("Search").input_value() == text


def test_filters_and_a_place_share_the_address(opened: Open) -> None:
    report = reports.breach(60, 4)
    active = next(each for each in report.credentials if each.inspection and each.inspection.status == "active")
    page = opened(report, f"#{anchor(active)}?status=active")
    assert shown(page) == 24
    assert page.locator(f"#{anchor(active)}").get_attribute("open") is not None
    page.locator("nav").get_by_role("link", name="Reach").click()
    until(page, "location.hash === '#reach?status=active'")
    dead = next(each for each in report.credentials if each.dead)
    page.evaluate(f"location.hash = '{anchor(dead)}'")
    until(page, f"location.hash === '#{anchor(dead)}'")
    assert page.locator(f"#{anchor(dead)}").is_visible()
    assert shown(page) == 80
    page.evaluate("location.hash = '?status=expired&order=nonsense&severity=nonsense'")
    until(page, "location.hash === '#?severity=&status=expired'")
    assert shown(page) == 0
    below = opened(report, "#audited?status=active")
    assert below.evaluate("scrollY") > 0
    assert shown(below) == 24


@pytest.mark.parametrize("hash_", ["#%", "#%?status=active", "#?", "#??&&", "#?status=%E0%A4%A", "#nowhere?search"])
def test_a_strange_address_shows_the_page(opened: Open, hash_: str) -> None:
    page = opened(a_leak(), hash_)
    assert page.locator("#tools").is_visible()
    assert page.locator("#rows").is_visible()


def test_sorting_changes_the_order_and_back(opened: Open) -> None:
    page = opened(reports.breach(20, 3))
    first = page.locator("#rows code.name").all_text_contents()
    page.get_by_label("Order").select_option("pulls")
    pulls = [int(item.get_attribute("data-p") or 0) for item in page.locator("#rows > li").all()]
    assert pulls == sorted(pulls, reverse=True)
    page.get_by_label("Order").select_option("harm")
    assert page.locator("#rows code.name").all_text_contents() == first
    page.get_by_role("button", name="Owner").click()
    owners = [owner.strip() for owner in page.locator("#rows > li > details > summary .c-owner").all_text_contents()]
    named = [owner for owner in owners if owner != "\N{EN DASH}"]
    assert named == sorted(named)
    assert owners[: len(named)] == named
    assert page.get_by_role("button", name="Owner").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Severity").click()
    assert page.locator("#rows code.name").all_text_contents() == first


def test_a_critical_finding_is_open_with_places_rights_reach_and_replacement(opened: Open) -> None:
    page = opened(a_leak())
    text = page.locator("#rows .body").first.inner_text()
    for part in (
        ".github/workflows/publish.yml:14:19",
        "A Committer",
        "dangerous",
        "acme/tiny-model",
        "Trusted Publisher",
    ):
        assert part in text
    assert page.locator("#rows details[open]").count() == 1
    assert page.locator("#reach svg.wide").is_visible()
    assert page.locator("#exposure svg.wide").is_visible()
    assert page.locator("pre.patch .add").last.inner_text() == "+id-token: write"


@pytest.mark.parametrize("status", ["unknown", "invalid"])
def test_a_deep_link_opens_its_credential(opened: Open, status: str) -> None:
    report = reports.breach(60, 3)
    wanted = next(each for each in report.credentials if each.inspection and each.inspection.status == status)
    page = opened(report, f"#{anchor(wanted)}")
    details = page.locator(f"#{anchor(wanted)}")
    assert details.get_attribute("open") is not None
    assert details.locator("summary").is_visible()
    assert page.evaluate("scrollY") > 0


def test_a_deep_link_wins_over_a_filter(opened: Open) -> None:
    report = reports.breach(20, 3)
    page = opened(report)
    page.get_by_label("Search").fill("no such thing")
    page.evaluate(f"location.hash = '{anchor(report.credentials[5])}'")
    page.wait_for_function("document.querySelectorAll('.rows > li:not([hidden])').length >= 20")
    assert page.locator(f"#{anchor(report.credentials[5])}").get_attribute("open") is not None


def test_the_keyboard_is_enough(opened: Open) -> None:
    page = opened(reports.breach(10, 3))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    second = page.locator("#rows > li").nth(1)
    assert second.locator("details").get_attribute("open") is None
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    assert page.locator("#rows > li").nth(0).locator("details").get_attribute("open") is None
    page.keyboard.press("/")
    page.keyboard.type("zzz")
    assert shown(page) == 0
    page.keyboard.press("Escape")
    assert shown(page) == 13


def test_copy_buttons_copy_names_and_never_a_value(opened: Open) -> None:
    report = a_leak()
    mark = report.credentials[0].fingerprint
    page = opened(report)
    for button, expected in (
        ("Copy fingerprint", mark),
        ("Copy rotate command", f"tokenaudit rotate {mark}"),
        ("Copy link", f"#{anchor(report.credentials[0])}"),
    ):
        page.get_by_role("button", name=button).click()
        page.wait_for_function("document.getElementById('said').textContent.endsWith('copied')")
        assert page.evaluate("navigator.clipboard.readText()").endswith(expected)


def test_dark_and_light(opened: Open) -> None:
    page = opened(a_leak())
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(colour) != light
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(colour) == light
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert page.evaluate(colour) != light


def test_printing_unfolds_everything_and_folds_it_again(opened: Open) -> None:
    page = opened(reports.breach(10, 3))
    before = page.locator("#rows details[open]").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows details:not([open]):not(#dead)").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows details[open]").count() == before


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(opened: Open, width: int) -> None:
    report = a_leak()
    spots = tuple(replace(spot, path="a" * 400, author="b" * 200) for spot in report.credentials[0].locations)
    page = opened(replace(report, credentials=(replace(report.credentials[0], locations=spots),)))
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_text(opened: Open) -> None:
    """Every text of the report tries to break out; the page stays as it is and nothing runs."""
    keep = {"credential", "active", "write", "over", "trusted-publisher", "needed", "high", "tokenaudit/report/1"}
    page = opened(map_text(a_leak(), lambda text: text if text in keep else f"{text}{NASTY}"))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert page.evaluate("document.scripts.length") == 1
    assert page.locator("[onclick], [onload], [onerror]").count() == 0
    assert "\\u202e" in page.locator("#rows").inner_text()
    assert "\u202e" not in page.content()


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "http://evil.example/", "//x", "https://[", "x"]
)
def test_only_safe_addresses_become_links(opened: Open, url: str) -> None:
    report = a_leak()
    recommendation = report.credentials[0].recommendation
    assert recommendation is not None
    credential = replace(report.credentials[0], recommendation=replace(recommendation, create_url=url))
    page = opened(replace(report, credentials=(credential,)))
    assert page.get_by_text("Create it at the Hub").count() == 0


def test_five_hundred_credentials_stay_small_and_still(opened: Open, tmp_path: Path) -> None:
    """5,000 places: under 2 MB, and nothing jumps while it loads."""
    page = opened(reports.breach(500, 10))
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
    assert page.locator(".rows > li").count() > 500
    shift = page.evaluate(
        """() => new Promise((done) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => done(sum), 500);
        })"""
    )
    assert shift < 0.1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("report", [reports.clean(), reports.incomplete(), a_leak(), reports.breach(12, 4)])
def test_axe_finds_nothing_serious(opened: Open, report: model.Report, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="AXE NOT RUN: not installed")
    page = opened(report)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    answer = axe.Axe().run(page).response
    assert len(answer["passes"]) > 10
    serious = [
        (violation["id"], [re.sub(r"\s+", " ", node["html"])[:120] for node in violation["nodes"][:3]])
        for violation in answer["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_without_script_everything_is_there(browser: Any, tmp_path: Path) -> None:
    from tokenaudit.report import render  # noqa: PLC0415 - the other tests open pages through the fixture

    file = tmp_path / "report.html"
    file.write_text(render(a_leak(), "html"), encoding="utf-8")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    page.locator("#rows summary").last.click()
    assert "publish.yml:14:19" in page.locator("#rows").inner_text()
    assert "Pass it as an environment variable" in page.locator("#rows").inner_text()
    assert not page.locator("#tools").is_visible()
