"""Both ways to read packs."""

from __future__ import annotations

import pytest

from tests.support.accelerator import built_or_skip
from tokenaudit.git.pack import compiled


@pytest.fixture(params=["python", "compiled"])
def packs_read_by(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Runs a test with the pack reader in Python and again with the compiled part."""
    found = built_or_skip(tmp_path_factory) if request.param == "compiled" else None
    monkeypatch.setattr(compiled, "accelerator", lambda: found)
    return str(request.param)
