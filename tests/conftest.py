"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tokenaudit import redaction

# How long an example takes says more about how busy the machine is than about the code.
settings.register_profile("tokenaudit", deadline=None)
# The gate has to give the same answer twice; whoever runs the tests by hand explores further with every run.
settings.register_profile("gate", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gate" if os.environ.get("CI") else "tokenaudit")


@pytest.fixture(autouse=True)
def _no_values_of_other_tests() -> None:
    """Every value of a process is masked from then on; one test's values must not mask another's texts."""
    redaction.forget()


@pytest.fixture(autouse=True)
def _no_plugins_of_other_tests() -> Iterator[None]:
    """A plugin file that a test loads is forgotten with its folder: hypothesis reads every loaded module's file."""
    yield
    for name in [each for each in sys.modules if each.startswith("tokenaudit_plugin_")]:
        del sys.modules[name]


@pytest.fixture(params=["python", "compiled"])
def packs_read_by(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Runs a test with the pack reader in Python and again with the compiled part."""
    # Most tests need no compiler, and no numpy.
    from tests.support.accelerator import built_or_skip  # noqa: PLC0415
    from tokenaudit.git.pack import compiled  # noqa: PLC0415

    found = built_or_skip(tmp_path_factory) if request.param == "compiled" else None
    monkeypatch.setattr(compiled, "accelerator", lambda: found)
    return str(request.param)
