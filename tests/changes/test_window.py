"""`--since WHEN` and the names of repositories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.changes.hosted import NOW
from tokenaudit.changes.versions import paths_of_diff
from tokenaudit.changes.window import parse_repository, parse_window
from tokenaudit.errors import UsageError

HUB = "https://hub.example"


@pytest.mark.parametrize(
    ("when", "since"),
    [
        ("2026-07-09", datetime(2026, 7, 9, tzinfo=timezone.utc)),
        ("2026-07-09T03:00:00Z", datetime(2026, 7, 9, 3, tzinfo=timezone.utc)),
        ("2026-07-09T03:00:00+02:00", datetime(2026, 7, 9, 1, tzinfo=timezone.utc)),
        (" 7d ", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
    ],
)
def test_times(when: str, since: datetime) -> None:
    assert parse_window(when, NOW).since == since


@pytest.mark.parametrize("when", ["3f2c1a9", "3F2C1A9", "1" * 40])
def test_commits(when: str) -> None:
    window = parse_window(when, NOW)
    assert (window.since, window.commit, window.text) == (None, when.lower(), when.lower())


@pytest.mark.parametrize(
    "when", ["", "yesterday", "2026-13-01", "2026-02-30", "7y", "-7d", "999999w", "3f2c", "main", "1" * 41, "2026-07"]
)
def test_anything_else_is_refused_with_the_forms(when: str) -> None:
    with pytest.raises(UsageError, match="use a date"):
        parse_window(when, NOW)


def test_the_future_is_refused() -> None:
    with pytest.raises(UsageError, match="in the future"):
        parse_window("2026-07-21", NOW)


@given(st.text(max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    assert "\n" not in refused(lambda: parse_window(text, NOW))
    assert "\n" not in refused(lambda: parse_repository(text, HUB))


def refused(parse: Callable[[], object]) -> str:
    """The message of the error that `parse` ends with, empty where it ends with none."""
    try:
        parse()
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("acme/m", "acme/m"), ("models/acme/m", "acme/m"), ("datasets/acme/d", "datasets/acme/d"),
        ("spaces/acme/s/", "spaces/acme/s"), (f"{HUB}/datasets/acme/d", "datasets/acme/d"), ("acme", None),
        (f"{HUB}/acme/m", "acme/m"),
    ],
)  # fmt: skip
def test_names(name: str, page: str | None) -> None:
    found = parse_repository(name, HUB).repository
    assert (found.page if found is not None else None) == page


@pytest.mark.parametrize(
    "name",
    ["acme/m/x", "../m", "datasets/acme", "https://elsewhere.example/acme/m", "a b", "", "acme/..", "x://[", "/"],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        parse_repository(name, HUB)


def test_paths_of_a_diff() -> None:
    diff = """\
diff --git a/a b.txt b/a b.txt
index 1..2 100644
--- a/a b.txt
+++ b/a b.txt
@@ -1 +1 @@
-diff --git a/no b/no
+x
diff --git "a/\\303\\274.bin" "b/\\303\\274.bin"
Binary files differ
diff --git a/old name b/new name
similarity index 100%
rename from old name
rename to new name
"""
    assert paths_of_diff(diff) == {"a b.txt", "ü.bin", "old name", "new name"}
