"""The double of the Hub for the tests of changes, and a second one behind it that stores large files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.changes.hosted import HostedRepository
from tests.hub.double import HubDouble, hub_double, storage

__all__ = ["hub_double", "model", "storage"]


@pytest.fixture
def model(hub_double: HubDouble, storage: HubDouble, tmp_path: Path) -> HostedRepository:
    """The model `acme/m` with a harmless first revision."""
    del storage
    hosted = HostedRepository(hub_double, tmp_path, "acme/m")
    hosted.commit("start", "2026-06-01", {"README.md": "# M\n", "config.json": '{"model_type": "bert"}\n'})
    return hosted
