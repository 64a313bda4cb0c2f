"""`fingerprint`, `plugins`, `rules`, help and version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import tokenaudit
from tests.support.mint import Mint
from tokenaudit.rule_index import all_rules
from tokenaudit.secret import fingerprint


def test_fingerprints_come_in_the_order_of_the_lines(tmp_path: Path) -> None:
    mint = Mint(31)
    values = [mint.user_token() for _ in range(5)]
    ran = tokenaudit("fingerprint", stdin="\r\n".join([*values, "", values[0]]).encode(), home=tmp_path)
    assert ran.out.splitlines() == [*map(fingerprint, values), "", fingerprint(values[0])]
    assert ran.code == 0


def test_fingerprint_of_nothing_and_of_rubbish(tmp_path: Path) -> None:
    assert tokenaudit("fingerprint", home=tmp_path).out == ""
    assert len(tokenaudit("fingerprint", stdin=b"\xff\xfe\x00", home=tmp_path).out.strip()) == 32


def test_plugins_names_files_that_detect_secrets_takes(tmp_path: Path) -> None:
    listed = json.loads(tokenaudit("plugins", "-f", "json", home=tmp_path).out)["plugins"]
    kinds = {plugin["kind"] for plugin in listed}
    assert {"user_token", "org_token", "oauth_token", "oauth_refresh_token", "oidc_token", "app_token"} <= kinds
    (path,) = {plugin["path"] for plugin in listed}
    assert path in tokenaudit("plugins", home=tmp_path).out
    value = Mint(32).user_token()
    (tmp_path / "a.py").write_text(f'token = "{value}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "detect_secrets", "scan", "-p", path, "a.py"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert "a.py" in json.loads(done.stdout)["results"]


def test_rules_lists_every_rule(tmp_path: Path) -> None:
    text = tokenaudit("rules", home=tmp_path).out
    listed = json.loads(tokenaudit("rules", "-f", "json", home=tmp_path).out)["rules"]
    assert [rule["id"] for rule in listed] == list(all_rules()) == [line.split()[0] for line in text.splitlines()]


@pytest.mark.parametrize("rule_id", sorted(all_rules()))
def test_every_rule_says_why_and_what_to_do(rule_id: str) -> None:
    rule = all_rules()[rule_id]
    assert rule.id == rule_id
    assert all([rule.title, rule.why, rule.remedy, rule.bad, rule.good])


def test_one_rule_shows_its_examples(tmp_path: Path) -> None:
    rule = next(iter(all_rules().values()))
    ran = tokenaudit("rules", rule.id, home=tmp_path)
    assert rule.bad.splitlines()[0] in ran.out
    assert rule.good.splitlines()[0] in ran.out


def test_an_unknown_rule_names_the_nearest(tmp_path: Path) -> None:
    ran = tokenaudit("rules", "token-exposd", home=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "token-exposed" in ran.err


def test_help_and_version(tmp_path: Path) -> None:
    assert tokenaudit("--version", home=tmp_path).out.startswith("tokenaudit ")
    for arguments in (["--help"], ["scan", "--help"], ["-h"]):
        ran = tokenaudit(*arguments, home=tmp_path)
        assert ran.code == 0
        assert "Usage" in ran.out


def test_no_command_shows_the_help(tmp_path: Path) -> None:
    ran = tokenaudit(home=tmp_path)
    assert ran.code == 2
    assert "scan" in ran.out + ran.err


@pytest.mark.parametrize("arguments", [["plan", "--format", "odd"], ["rotate"], ["scan", "--fail-on", "odd"]])
def test_wrong_usage_is_one_line_on_stderr_and_nothing_on_stdout(tmp_path: Path, arguments: list[str]) -> None:
    ran = tokenaudit(*arguments, home=tmp_path)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert f"See 'tokenaudit {arguments[0]} --help'." in ran.err
