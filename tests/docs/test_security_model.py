"""The page on the security model names tests that exist and counts what they hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bombs.catalog import BOMBS
from tests.cli.test_mistakes import MISTAKES
from tests.cli.test_special_files import file_arguments
from tests.fuzz.targets import TARGETS
from tests.git.test_clone_answers import ANSWERS
from tests.git.test_hazards import READ_BY_GIT
from tests.hub.platforms.test_answers import ODD
from tests.hub.platforms.test_origin import CALLS, STATUSES
from tests.hub.test_pages import LISTINGS
from tests.report.test_log_commands import COMMANDS
from tests.support.hostile_config import CODE, CONFIGURATION
from tests.test_mask import WAYS
from tests.test_secrecy import PLACES
from tokenaudit.report import FORMATS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security-model.md").read_text("utf-8")
PROMISES = PAGE[PAGE.index("<!-- promises -->") : PAGE.index("<!-- /promises -->")]

COUNTS = {
    "calls": len(CALLS),
    "redirects": len(STATUSES),
    "platform answers": len(ODD),
    "git answers": len(ANSWERS),
    "places": len(PLACES),
    "encodings": len(WAYS),
    "formats": len(FORMATS),
    "mistakes": len(MISTAKES),
    "log commands": len(COMMANDS),
    "files of git": len(READ_BY_GIT),
    "arguments": len(file_arguments()),
    "bombs": len(BOMBS),
    "CI configuration": len(CONFIGURATION),
    "code": len(CODE),
    "listings": len(LISTINGS),
    "fuzz targets": len(TARGETS),
}


def test_every_count_on_the_page_is_that_of_the_tests() -> None:
    assert {name: int(number) for name, number in re.findall(r"([A-Za-z][A-Za-z ]*): (\d+)", PROMISES)} == COUNTS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w./]+)`", PAGE))))
def test_every_test_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_promise_names_a_test() -> None:
    rows = [line for line in PROMISES.splitlines() if line.startswith("|")][2:]
    assert rows
    assert all("`tests/" in row for row in rows)
