"""The policy's settings files."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tokenaudit.errors import ConfigurationError
from tokenaudit.policy import Settings, load_settings
from tokenaudit.policy.settings import Exemption, Incident

WHOLE = """
max-age-days = 90
allowed-roles = ["fineGrained"]
dangerous-permissions = ["discussion.write"]

[[incidents]]
id = "laptop-stolen"
title = "a laptop was stolen"
cutoff = 2026-10-01
advice = "replace what was on it"

[[incidents]]
id = "ci-breach"
title = "a CI system was broken into"
cutoff = 2026-10-02T10:00:00+02:00

[[exemptions]]
organization = "acme"
rules = ["token-org-wide-write"]
until = 2026-12-31
reason = "migration under way"
"""


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load_settings(tmp_path) == Settings()


def test_everything_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "tokenaudit.toml").write_text(WHOLE)
    utc = timezone.utc
    assert load_settings(tmp_path) == Settings(
        90,
        ("fineGrained",),
        ("discussion.write",),
        (
            Incident(
                "laptop-stolen", "a laptop was stolen", datetime(2026, 10, 1, tzinfo=utc), "replace what was on it", ""
            ),
            Incident(
                "ci-breach", "a CI system was broken into", datetime(2026, 10, 2, 8, tzinfo=utc), "replace it", ""
            ),
        ),
        (Exemption("acme", date(2026, 12, 31), "migration under way", ("token-org-wide-write",)),),
    )
    assert load_settings(tmp_path).incidents[1].cutoff.utcoffset() == timedelta(0)


def test_pyproject_holds_the_same_table_and_the_own_file_wins(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tokenaudit]\nmax-age-days = 30\n")
    assert load_settings(tmp_path).max_age_days == 30
    (tmp_path / "tokenaudit.toml").write_text("max-age-days = 31\n")
    assert load_settings(tmp_path).max_age_days == 31


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max-age-days = ", "no TOML"),
        ("\x00", "no TOML"),
        ("max-age-days = 'long'", "max-age-days"),
        ("max-age-days = 0", "at least 1"),
        ("max-age = 3", "max-age"),
        ("allowed-roles = 'read'", "allowed-roles"),
        ("[[exemptions]]\norganization = 'a'\nuntil = 2026-01-01", "reason"),
        ("[[exemptions]]\norganization = 'a'\nuntil = 2026-01-01\nreason = ' '", "no reason"),
        ("[[exemptions]]\norganization = 'a'\nreason = 'r'", "until"),
        ("[[exemptions]]\norganization = 'a'\nuntil = 2026-01-01\nreason = 'r'\nrules = ['x']", "'x'"),
        (
            "[[exemptions]]\norganization = 'a'\nuntil = 2026-01-01\nreason = 'r'\nrules = ['token-exposed']",
            "must be revoked",
        ),
        ("[[incidents]]\nid = 'a'\ntitle = 't'", "cutoff"),
        ("[[incidents]]\nid = 'a'\ntitle = 't'\ncutoff = '2026-01-01'", "without quotes"),
    ],
)
def test_a_wrong_file_is_named_in_one_line_with_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "tokenaudit.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path)
    assert "tokenaudit.toml" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
