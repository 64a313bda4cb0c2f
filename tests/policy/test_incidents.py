"""The table of incidents: built in, and a team's own."""

from __future__ import annotations

import importlib.resources
from datetime import date, datetime, timezone
from pathlib import Path

import msgspec
import pytest

from tests.support.mint import Mint
from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.policy.config import load_settings
from tokenaudit.policy.settings import Incident, Settings, built_in, chosen, known

UTC = timezone.utc
CUTOFF = datetime(2026, 10, 1, tzinfo=UTC)
OWN = "[[incidents]]\nid = 'laptop'\ntitle = 'stolen'\ncutoff = 2026-10-01\n"


def test_the_built_in_ones_say_when_they_were() -> None:
    spaces, platform = built_in()
    assert (spaces.began, spaces.disclosed, spaces.since) == (
        None,
        date(2024, 5, 31),
        datetime(2024, 5, 31, tzinfo=UTC),
    )
    assert platform.since == platform.began == datetime(2026, 7, 9, 2, 28, tzinfo=UTC)
    assert platform.ended == datetime(2026, 7, 13, 14, 14, tzinfo=UTC)
    assert [incident.cutoff for incident in built_in()] == sorted(incident.cutoff for incident in built_in())


def test_the_built_in_ones_have_the_types_that_are_declared() -> None:
    table = importlib.resources.files("tokenaudit.policy") / "incidents.json"
    assert list(built_in()) == msgspec.json.decode(table.read_bytes(), type=list[Incident])


@pytest.mark.parametrize(
    ("disclosed", "expected"),
    [(None, CUTOFF), (date(2026, 9, 20), datetime(2026, 9, 20, tzinfo=UTC)), (date(2026, 12, 1), CUTOFF)],
)
def test_without_a_beginning_the_earliest_day_counts(disclosed: date | None, expected: datetime) -> None:
    incident = Incident("x", "x", CUTOFF, "", "", disclosed=disclosed)
    assert incident.since == expected
    assert "unknown" in incident.since_reason


def test_a_teams_own_can_say_when_it_was(tmp_path: Path) -> None:
    more = "began = 2026-09-01T10:00:00+02:00\nended = 2026-09-02\ndisclosed = 2026-09-03\n"
    (tmp_path / "tokenaudit.toml").write_text(OWN + more)
    (incident,) = load_settings(tmp_path).incidents
    assert incident.began == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert incident.ended == datetime(2026, 9, 2, tzinfo=UTC)
    assert incident.disclosed == date(2026, 9, 3)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("began = 2026-10-02\n", "began after its cutoff"),
        ("began = 2026-09-02\nended = 2026-09-01\n", "ended before it began"),
        ("began = '2026-09-02'\n", "began of an incident is not a date; write it without quotes"),
        ("disclosed = 7\n", "disclosed of an incident is not a date"),
    ],
)
def test_impossible_times_are_refused(tmp_path: Path, more: str, told: str) -> None:
    (tmp_path / "tokenaudit.toml").write_text(OWN + more)
    with pytest.raises(ConfigurationError, match=told):
        load_settings(tmp_path)


@pytest.mark.parametrize("name", ["platform-2026-07", " Platform-2026-07 ", "laptop"])
def test_a_built_in_one_cannot_be_replaced(name: str, tmp_path: Path) -> None:
    own = (Incident("laptop", "ours", CUTOFF, "", ""), Incident(name, "ours", CUTOFF, "", ""))
    with pytest.raises(ConfigurationError, match="choose another id"):
        known(Settings(incidents=own))
    (tmp_path / "tokenaudit.toml").write_text(OWN + f"[[incidents]]\nid = '{name}'\ntitle = 't'\ncutoff = 2026-10-01\n")
    with pytest.raises(ConfigurationError, match="choose another id"):
        load_settings(tmp_path)


def test_a_teams_own_come_after_the_built_in_ones() -> None:
    own = Incident("laptop", "ours", CUTOFF, "", "")
    assert known(Settings(incidents=(own,))) == (*built_in(), own)
    assert chosen(Settings(incidents=(own,)), " laptop ") is own


def test_an_unknown_one_names_the_known_and_never_repeats_a_token() -> None:
    with pytest.raises(UsageError, match="known incidents: spaces-2024-05, platform-2026-07"):
        chosen(Settings(), "heartbleed")
    token = Mint(1).user_token()
    with pytest.raises(UsageError) as caught:
        chosen(Settings(), token)
    assert token not in str(caught.value)
