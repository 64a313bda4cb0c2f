"""An invented organization at the double of the Hub, after a break-in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hub.double import HubDouble, hub_double
from tests.incident.breach import Breach, breach

__all__ = ["after", "hub_double", "story", "swept"]


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory that a sweep of the organization writes; the same for every test, so it is made once."""
    folder = tmp_path_factory.mktemp("swept")
    with HubDouble() as double:
        made = breach(double, folder)
        ran = made.run("sweep", "acme", "--quiet", "--format", "json", "--inventory", folder / "inventory.sqlite")
    assert ran.code == 1, ran.err
    return folder / "inventory.sqlite"


@pytest.fixture
def story(hub_double: HubDouble, tmp_path: Path) -> Breach:
    """The organization after the break-in, and an auditor who has no inventory."""
    return breach(hub_double, tmp_path)


@pytest.fixture
def after(story: Breach, swept: Path) -> Breach:
    """The organization after the break-in, swept once, nothing done about it yet."""
    copy = story.folder / "inventory.sqlite"
    shutil.copyfile(swept, copy)
    story.environment["TOKENAUDIT_INVENTORY"] = str(copy)
    return story
