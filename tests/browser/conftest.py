"""A headless Chromium, driven by Playwright; without one every test of this folder is skipped, with a loud line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tokenaudit.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tokenaudit.model import Report

Open = Callable[..., "Page"]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="BROWSER TESTS NOT RUN: playwright is not installed")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("BROWSER TESTS NOT RUN: no Chromium here (apt-get install chromium, or set CHROMIUM)")
    with playwright.sync_playwright() as driver:
        # The container of a CI job is its own sandbox, and root has no other.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def opened(context: BrowserContext, tmp_path: Path) -> Iterator[Open]:
    """Opens a report's page from disk; fails in the end on any console message, error or request."""
    trouble: list[str] = []

    def open_page(report: Report, anchor: str = "", **options: object) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render(report, "html", **options), encoding="utf-8")  # type: ignore[arg-type]
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("request", lambda request: _only(file, request.url, trouble))
        page.goto(f"{file.as_uri()}{anchor}")
        return page

    yield open_page
    assert trouble == []


def _only(file: Path, url: str, trouble: list[str]) -> None:
    if url.split("#", maxsplit=1)[0] != file.as_uri():
        trouble.append(f"request: {url}")
