"""The plugins under plain detect-secrets, in an environment without tokenaudit, and the host's hazards pinned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.constants import VerifiedResult
from detect_secrets.core.plugins.util import get_plugins_from_file

from tests.support.mint import Mint
from tokenaudit.detect.plugins import read_declarations, shipped

PLUGIN = Path(__file__).parents[2] / "plugins" / "huggingface.py"
INDIRECT = "detect_secrets.filters.heuristic.is_indirect_reference"


def scan(folder: Path, *options: str) -> dict[str, Any]:
    """`detect-secrets scan` of `folder`: standard library and installed packages, but nothing of this checkout."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "detect_secrets", "scan", "-p", str(PLUGIN), "--all-files", *options, "."]
        if sys.version_info >= (3, 11)
        else [sys.executable, "-m", "detect_secrets", "scan", "-p", str(PLUGIN), "--all-files", *options, "."],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder / "blocked")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which importing tokenaudit fails."""
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "tokenaudit.py").write_text("raise ImportError('not installed here')\n")
    return tmp_path


def lines(report: dict[str, Any], name: str) -> set[int]:
    return {each["line_number"] for each in report["results"].get(name, ()) if each["type"].startswith("Hugging Face")}


def test_all_kinds_are_found_without_tokenaudit(place: Path) -> None:
    mint = Mint(1)
    values = [
        mint.user_token(), mint.org_token(), mint.legacy_token(), mint.refresh_token(), mint.app_token(),
        mint.client_secret(), mint.oauth_token(), mint.oidc_token(), mint.s3_token(),
    ]  # fmt: skip
    (place / "settings.txt").write_text("".join(f"value: {value}\n" for value in values))
    report = scan(place)
    assert lines(report, "settings.txt") == set(range(1, 10))
    types = {each["type"] for each in report["results"]["settings.txt"]}
    assert {plugin.secret_type for plugin in read_declarations(PLUGIN)} <= types
    assert not any(value in json.dumps(report) for value in values)


def test_the_commonest_leak_needs_a_filter_switched_off(place: Path) -> None:
    """The host takes `name = call(…)` for an indirect reference, whatever the plugin says."""
    (place / "app.py").write_text(f'api = HfApi(token="{Mint(2).user_token()}")\n')
    assert lines(scan(place), "app.py") == set()
    assert lines(scan(place, "--disable-filter", INDIRECT), "app.py") == {1}


def test_the_host_reports_a_value_once_a_file(place: Path) -> None:
    token = Mint(3).user_token()
    (place / "twice.txt").write_text(f"{token}\n\n{token}\n")
    assert len(lines(scan(place), "twice.txt")) == 1


def test_the_host_skips_names_and_encodings_silently(place: Path) -> None:
    token = Mint(4).user_token()
    (place / "style.css").write_text(token)
    (place / "wide.txt").write_bytes(token.encode("utf-16"))
    (place / "plain.txt").write_text(token)
    report = scan(place)
    assert [name for name in ("style.css", "wide.txt", "plain.txt") if lines(report, name)] == ["plain.txt"]


def test_a_baseline_of_the_host_can_be_read_back(place: Path) -> None:
    (place / "a.txt").write_text(Mint(5).user_token())
    report = scan(place)
    (place / ".baseline").write_text(json.dumps(report))
    (place / "b.txt").write_text(Mint(6).user_token())
    done = subprocess.run(
        [sys.executable, "-m", "detect_secrets", "scan", "--baseline", ".baseline", "--all-files", "."],
        cwd=place, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert lines(json.loads((place / ".baseline").read_text()), "b.txt") == {1}


def instances() -> list[Any]:
    found: list[Any] = list(get_plugins_from_file(str(PLUGIN)))
    return [each() for each in found]


def test_every_declared_class_is_registered_and_nothing_else() -> None:
    names = sorted(type(each).__name__ for each in instances())
    assert names == sorted(plugin.name for plugin in read_declarations(PLUGIN))


def test_declarations_read_without_running_are_those_of_the_classes() -> None:
    declared = {plugin.name: plugin for plugin in read_declarations(PLUGIN)}
    for each in instances():
        plugin = declared[type(each).__name__]
        assert (each.kind, each.secret_type, each.literals) == (plugin.kind, plugin.secret_type, plugin.literals)
        assert plugin.shape is not None
        assert plugin.shape.expression == each.evidence


@pytest.mark.parametrize("value", ["", "hf_", "x" * 10_000, "hf_oauth_eyJ.e.e", "\0", "\udcff"])
def test_verification_is_offline_never_false_and_never_raises(value: str) -> None:
    for each in instances():
        assert each.verify(value) is VerifiedResult.UNVERIFIED
        list(each.analyze_string(value))


def test_plugins_survive_the_round_trip_through_settings() -> None:
    for each in instances():
        options = dict(each.json())
        assert options.pop("name") == type(each).__name__
        assert type(each)(**options) == each


def test_the_shipped_file_is_the_one_of_this_checkout() -> None:
    assert shipped() == PLUGIN or str(shipped()).startswith(sysconfig.get_path("purelib"))
