"""The pages that come from the code are fresh, and the site builds without a broken link."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tokenaudit.rules import all_rules

ROOT = Path(__file__).resolve().parents[2]


def test_pages_written_from_the_code_are_fresh() -> None:
    """If not: python docs/generate.py."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_rule_has_its_section() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    for name in all_rules():
        assert f"\n## {name}\n" in page


def test_the_site_builds_and_all_links_hold(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="SITE NOT BUILT: mkdocs-material is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "After a breach" in (tmp_path / "examples" / "index.html").read_text(encoding="utf-8")
    for name in ("nothing", "leak", "breach"):
        assert "Content-Security-Policy" in (tmp_path / "examples" / f"{name}.html").read_text(encoding="utf-8")
