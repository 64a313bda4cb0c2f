"""The cache: short-lived, private, without values, and what lets a long run stop and go on."""

from __future__ import annotations

import sqlite3
import stat
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.client import Hub
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.inspector import LIFE, DiskCache
from tokenaudit.model import Inspection, Status
from tokenaudit.secret import Secret

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
ENDPOINT = "https://hub.example.com"
FINGERPRINT = "a" * 32


def said(at: datetime = NOW, endpoint: str = ENDPOINT, status: Status = "invalid") -> Inspection:
    return Inspection(status, at, "so says the Hub", endpoint=endpoint)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "inspections.sqlite"


def test_what_was_said_is_remembered_for_an_hour_and_no_longer(path: Path) -> None:
    cache = DiskCache(path)
    cache.put(FINGERPRINT, said())
    again = DiskCache(path)
    assert again.get(FINGERPRINT, ENDPOINT, NOW + LIFE - timedelta(seconds=1)) == said()
    assert again.get(FINGERPRINT, ENDPOINT, NOW + LIFE) is None
    assert again.get(FINGERPRINT, ENDPOINT, NOW - timedelta(seconds=1)) is None


def test_another_hub_is_another_question(path: Path) -> None:
    cache = DiskCache(path)
    cache.put(FINGERPRINT, said())
    assert cache.get(FINGERPRINT, "https://other.example.com", NOW) is None


def test_asking_makes_no_file_and_telling_makes_a_private_one(path: Path) -> None:
    cache = DiskCache(path)
    assert cache.get(FINGERPRINT, ENDPOINT, NOW) is None
    assert not path.exists()
    cache.put(FINGERPRINT, said())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    DiskCache(path).put(FINGERPRINT, said())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_has_outlived_its_hour_is_deleted(path: Path) -> None:
    cache = DiskCache(path)
    cache.put(FINGERPRINT, said(status="active"))
    cache.put("b" * 32, said(NOW + 2 * LIFE))
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT fingerprint FROM inspections").fetchall() == [("b" * 32,)]


def test_an_end_is_remembered_for_good_though_it_is_asked_about_again_after_an_hour(path: Path) -> None:
    cache = DiskCache(path)
    assert cache.ends(ENDPOINT) == {}
    assert not path.exists()
    for mark, status in (("a" * 32, "invalid"), ("b" * 32, "expired"), ("c" * 32, "active"), ("d" * 32, "unknown")):
        cache.put(mark, said(status=status))  # type: ignore[arg-type]
    cache.put("e" * 32, said(endpoint="https://other.example.com"))
    later = NOW + 1000 * LIFE
    cache.put("f" * 32, said(later, status="active"))
    assert set(DiskCache(path).ends(ENDPOINT)) == {"a" * 32, "b" * 32}
    assert DiskCache(path).get("a" * 32, ENDPOINT, later) is None


def test_a_row_of_another_version_is_asked_again(path: Path) -> None:
    cache = DiskCache(path)
    cache.put(FINGERPRINT, said())
    cache.close()
    with sqlite3.connect(path) as db:
        db.execute('UPDATE inspections SET inspection = \'{"status": "glorious"}\'')
    assert cache.get(FINGERPRINT, ENDPOINT, NOW) is None


def test_a_broken_file_is_said_in_one_line_with_the_remedy(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(ConfigurationError, match="--no-cache"):
        DiskCache(path).get(FINGERPRINT, ENDPOINT, NOW)
    DiskCache(path).clear()
    DiskCache(path).put(FINGERPRINT, said())


def test_a_run_that_was_stopped_goes_on_where_it_was(hub_double: HubDouble, path: Path) -> None:
    mint = Mint(1)
    values = [hub_double.knows(mint.user_token(), bodies.classic("read")) for _ in range(10)]
    secrets = [("user_token", Secret(value)) for value in values]
    hub = Hub(hub_double.endpoint)
    first = inspect_credentials(secrets, hub, now=lambda: NOW, cache=DiskCache(path))
    assert len(list(islice(first, 4))) == 4
    first.close()  # type: ignore[attr-defined]  # a generator, whatever its face says
    assert hub_double.count("whoami") == 4
    second = list(inspect_credentials(secrets, hub, now=lambda: NOW, cache=DiskCache(path)))
    assert [inspection.status for _, inspection in second] == ["active"] * 10
    assert hub_double.count("whoami") == 10
    kept = path.read_bytes()
    assert not any(value.encode() in kept for value in values)


def test_no_answer_is_not_remembered(hub_double: HubDouble, path: Path) -> None:
    secrets = [("oauth_client_secret", Secret(Mint(2).client_secret()))]
    list(inspect_credentials(secrets, Hub(hub_double.endpoint), now=lambda: NOW, cache=DiskCache(path)))
    assert not path.exists()


@pytest.mark.parametrize("column", ["fingerprint", "inspection", "checked_at"])
@pytest.mark.parametrize("junk", ["CAST(x'ff00fe' AS TEXT)", "x'ff'", "7", "'[' || hex(zeroblob(5000))", "NULL"])
def test_a_damaged_row_costs_itself_alone(path: Path, column: str, junk: str) -> None:
    DiskCache(path).put(FINGERPRINT, said())
    DiskCache(path).put("b" * 32, said())
    with sqlite3.connect(path) as raw:
        raw.execute(f"UPDATE inspections SET {column} = {junk} WHERE fingerprint = ?", (FINGERPRINT,))  # noqa: S608 - ours
    raw.close()
    cache = DiskCache(path)
    assert cache.get("b" * 32, ENDPOINT, NOW) == said()
    assert "b" * 32 in cache.ends(ENDPOINT)
    cache.get(FINGERPRINT, ENDPOINT, NOW)
    cache.put(FINGERPRINT, said())
    assert cache.get(FINGERPRINT, ENDPOINT, NOW) == said()
