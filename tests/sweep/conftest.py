"""An invented organization at the double of the Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.double import HubDouble, hub_double
from tests.sweep.example_org import Acme, acme

__all__ = ["hub_double", "org"]


@pytest.fixture
def org(hub_double: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acme:
    """An empty organization whose administrator sweeps it."""
    made = acme(hub_double, tmp_path)
    monkeypatch.setenv("HF_TOKEN", made.own)
    return made
