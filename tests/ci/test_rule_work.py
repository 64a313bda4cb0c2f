"""Rules cost no more than the file's size: counted in calls, since a rule does not charge every step that it takes."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from tests.support.hostile_config import CONFIGURATION
from tokenaudit.ci import audit_files

SIZE = 8_000
MANY_TO_MANY = [name for name in CONFIGURATION if " and " in name or name in {"expressions on one line", "toJSON"}]
"""Files with many of one thing and many of another, so that a rule that compares each with each is found out."""


def calls(path: str, text: str) -> int:
    counted = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        list(audit_files([(path, text.encode())], "repo"))
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("name", MANY_TO_MANY)
def test_twice_the_input_is_at_most_about_twice_the_calls(name: str) -> None:
    path, build = CONFIGURATION[name]
    assert calls(path, build(2 * SIZE)) <= 2.4 * calls(path, build(SIZE))
