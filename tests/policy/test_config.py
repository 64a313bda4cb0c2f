"""The policy's settings files."""

from __future__ import annotations

import os
import tempfile
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenaudit.errors import ConfigurationError
from tokenaudit.policy.config import load_settings
from tokenaudit.policy.settings import Exemption, Incident, Settings

_KEYS = st.sampled_from(
    ["max-age-days", "allowed-roles", "[[incidents]]\nid", "cutoff", "[[exemptions]]\nuntil", "rules"]
)
_VALUES = st.sampled_from(
    ["3", "-1", "'x'", "['x']", "2026-01-01", "0001-01-01T00:00:00+23:59", "{}", "nan", "07:32:00"]
)
_TABLES = st.lists(st.tuples(_KEYS, _VALUES), max_size=6).map(lambda rows: "\n".join(f"{k} = {v}" for k, v in rows))
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


def test_pyproject_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tokenaudit]\nmax-age-days = 30\n")
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max-age-days = ", "invalid TOML"),
        ("\x00", "invalid TOML"),
        ("x = " + "[" * 50_000, "nested too deeply"),
        ("x = " + "{a=" * 30_000, "nested too deeply"),
        ('x = ["' + "]" * 2_000 + '", ' + "[" * 50_000, "nested too deeply"),
        ("[[[[", "invalid TOML"),
        ("a." * 40_000 + "a = 1", "nested too deeply"),
        ("a.b.c = 1", "unknown setting 'a'"),
        ("max-age-days = " + "9" * 5_000, "invalid TOML"),
        ("max-age-days = 99999999", "use 1 to"),
        ("#" + "x" * 1_000_001, "larger than"),
        ("max-age-days = 'long'", "max-age-days"),
        ("max-age-days = 0", "use 1 to"),
        ("max-age = 3", "did you mean 'max-age-days'?"),
        ("max_age_days = 3", "did you mean 'max-age-days'?"),
        ("colour = 3", "known settings: max-age-days"),
        ("[tool.tokenaudit]\nmax-age-days = 3", "unknown setting 'tool'"),
        ("[[exemption]]\nuntil = 2026-01-01", "did you mean 'exemptions'?"),
        ("[[exemptions]]\norganisation = 'a'", "in [[exemptions]]; did you mean 'organization'?"),
        ("[[incidents]]\ncut-off = 2026-01-01", "in [[incidents]]; did you mean 'cutoff'?"),
        ("x" * 500 + " = 1", "with more than 40 characters"),
        ("[[exemptions]]\norganization = ' '\nuntil = 2026-01-01\nreason = 'r'", "has no organization"),
        (
            "[[exemptions]]\norganization = 'a'\nuntil = 2026-01-01\nreason = 'r'\nrules = ['token-odl']",
            "did you mean 'token-old'?",
        ),
        ("exemptions = 3", "exemptions"),
        ("exemptions = [3]", "exemptions"),
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


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "tokenaudit.toml").write_bytes(b"max-age-days = 3 # \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8 at byte 19"):
        load_settings(tmp_path)


def test_a_byte_order_mark_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "tokenaudit.toml").write_bytes(b"\xef\xbb\xbfmax-age-days = 3")
    assert load_settings(tmp_path).max_age_days == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_file_is_refused_and_nobody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "tokenaudit.toml"
    path.mkdir()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            load_settings(tmp_path)
        if path.is_dir():
            path.rmdir()
            os.mkfifo(path)
    path.unlink()
    path.symlink_to(os.devnull)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load_settings(tmp_path)
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="can't be read"):
        load_settings(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | _TABLES.map(str.encode))
def test_any_file_is_settings_or_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokenaudit.toml").write_bytes(content)
        try:
            told = repr(load_settings(Path(folder)))
        except ConfigurationError as error:
            told = str(error)
        assert "\n" not in told
