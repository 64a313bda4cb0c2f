"""tokenaudit finds nothing in its own code, and can read all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("folder", ["tokenaudit", "plugins", "tests", "benchmarks", "docs"])
def test_our_own_code_is_clean(folder: str, tmp_path: Path) -> None:
    ran = tokenaudit("scan", ROOT / folder, "-f", "json", "--only", "tree", home=tmp_path)
    assert json.loads(ran.out)["skipped"] == []
    assert json.loads(ran.out)["credentials"] == []
    assert ran.code == 0
