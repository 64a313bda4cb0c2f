"""An empty inventory, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgresql import fresh_database
from tokenaudit.inventory import Inventory, open_inventory


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an inventory may be made."""
    if request.param == "sqlite":
        yield str(tmp_path / "data" / "inventory.sqlite")
        return
    with fresh_database() as url:
        yield url


@pytest.fixture
def book(where: str) -> Iterator[Inventory]:
    """An empty inventory."""
    with open_inventory(where) as opened:
        yield opened
