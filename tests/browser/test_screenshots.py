"""The pictures of the documentation: `SCREENSHOTS=docs/images python -m pytest tests/browser/test_screenshots.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.support.reports import examples
from tokenaudit.rule_index import all_rules

PICTURES = {
    "nothing-desktop": ("nothing", 1200, 640, "light"),
    "nothing-phone": ("nothing", 390, 760, "dark"),
    "leak-desktop": ("leak", 1200, 1000, "light"),
    "leak-phone": ("leak", 390, 900, "light"),
    "breach-desktop": ("breach", 1200, 1000, "light"),
    "breach-phone": ("breach", 390, 900, "dark"),
}
IN_THE_DOCS = {"leak-desktop", "breach-desktop", "breach-phone"}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_at_the_width_of_a_screen(name: str, opened: Open, tmp_path: Path) -> None:
    """Nothing sticks out to the side, the verdict is in sight, and the picture is not empty."""
    example, width, height, scheme = PICTURES[name]
    page = opened(examples()[example], rules=all_rules())
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": height})
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wanted = os.environ.get("SCREENSHOTS") if name in IN_THE_DOCS else None
    path = Path(wanted or tmp_path) / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000
