"""`--format NAME[=FILE]` several times, options from variables, and the log: one way for all commands."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.inprocess import run
from tests.support.mint import Mint
from tokenaudit.cli.app import build
from tokenaudit.cli.destinations import OutputDestination, destinations
from tokenaudit.cli.parameters import choices
from tokenaudit.cli.variables import NEVER, from_variables, variable_names
from tokenaudit.errors import UsageError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one token in it, the current one, and nothing of the user's own configuration."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "a.py").write_text(f'token = "{Mint(71).user_token()}"\n')
    monkeypatch.chdir(folder)
    return folder


def commands(group: Any = None, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """Every command with options of its own, by its whole name."""
    group = group or typer.main.get_command(build(complete=True))
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += commands(command, (*path, name))
        elif name != "detect-secrets":
            found.append((" ".join((*path, name)), command))
    return found


def test_one_run_writes_several_formats(place: Path, tmp_path: Path) -> None:
    names = ("json", "sarif", "html", "markdown", "csv", "junit", "gitlab", "github")
    files = {name: tmp_path / f"report.{name}" for name in names}
    given = [f"--format={name}={file}" for name, file in files.items()]
    ran = run("scan", str(place), "--format", "text", *given)
    assert ran.code == 1, ran.err
    assert "1 credential found" in ran.out
    assert all(file.stat().st_size > 100 for file in files.values())
    assert json.loads(files["json"].read_text("utf-8"))["summary"]["credentials"] == 1
    ran = run("scan", str(place), f"--format=json={files['json']}")
    assert (ran.code, ran.out) == (1, "")


def test_output_is_the_file_of_the_format_without_one(place: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    ran = run("scan", str(place), "-f", "json", "-f", f"sarif={second}", "-o", str(first))
    assert (ran.code, ran.out) == (1, "")
    assert json.loads(first.read_text("utf-8"))["schema"] == "tokenaudit/report/1"
    assert json.loads(second.read_text("utf-8"))["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "text", "-f", "json"), "text and json would both be written to stdout"),
        (("-f", "json=x.json", "-o", "y.json"), "--output has no format to write"),
        (("-f", "json=x", "-f", "sarif=./x"), "two formats would be written to"),
        (("-f", "json="), "json= names no file"),
        (("-f", "jsn=x"), "'jsn' is not one of 'text', 'json'"),
        (("-f", "json=missing/x"), "missing is not a folder"),
        (("-f", "json=."), "it is a folder"),
        (("--show-dead", "-f", "json", "-f", "sarif=x.sarif"), "--show-dead is not supported by json, sarif"),
    ],
)  # fmt: skip
def test_destinations_that_make_no_sense_are_refused_before_the_scan(
    place: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = run("scan", ".", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in place.iterdir()] == ["a.py"]


def test_a_file_that_can_not_be_written_costs_no_other() -> None:
    with pytest.raises(UsageError, match="both be written"):
        destinations([OutputDestination("text"), OutputDestination("json")])
    assert destinations(None) == (OutputDestination("text"),)
    assert destinations(None, default="markdown") == (OutputDestination("markdown"),)


def test_every_format_option_takes_several_and_files() -> None:
    found = 0
    for name, command in commands():
        for option in command.params:
            if "--format" in option.opts:
                found += 1
                assert option.multiple, name
                assert option.metavar == "NAME[=FILE]", name
                assert "json" in choices(option), name
    assert found >= 12


@pytest.mark.parametrize("command", ["rules", "plugins"])
def test_lists_have_the_same_option(command: str, tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    ran = run(command, "-f", f"json={file}", "-f", "text")
    assert ran.code == 0
    assert ran.out
    assert json.loads(file.read_text("utf-8"))


def test_every_option_of_every_command_has_a_variable() -> None:
    for name, command in commands():
        for option in command.params:
            long = [one for one in option.opts if one.startswith("--")]
            if option.param_type_name == "option" and long and long[0] not in {*NEVER, "--inventory"}:
                specific, general = variable_names(option, name)
                assert re.fullmatch(r"TOKENAUDIT(_[A-Z0-9]+)+", general)
                assert specific.startswith("TOKENAUDIT_" + name.upper().replace(" ", "_").replace("-", "_"))
                value = "1" if option.is_flag else "a"
                assert from_variables([option], name, (), {general: value})[option.name][0] == general
                assert from_variables([option], name, (), {general: value, specific: value})[option.name][0] == specific
                assert not from_variables([option], name, {option.name}, {general: value})


def test_variables_are_options(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "with blanks.json"
    monkeypatch.setenv("TOKENAUDIT_FORMAT", f"'json={file}' csv")
    monkeypatch.setenv("TOKENAUDIT_FAIL_ON", "never")
    monkeypatch.setenv("TOKENAUDIT_NO_CONFIG", "true")
    ran = run("scan", str(place))
    assert ran.code == 0, ran.err
    assert ran.out.startswith('"severity"')
    assert file.exists()
    assert run("scan", str(place), "--fail-on", "low", "-f", "text").code == 1
    monkeypatch.setenv("TOKENAUDIT_SCAN_FAIL_ON", "high")
    assert run("scan", str(place)).code == 1
    monkeypatch.setenv("TOKENAUDIT_FORMAT", "")
    assert "1 credential found" in run("scan", str(place)).out


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TOKENAUDIT_FAIL_ON", "bogus", "'bogus' is not one of"),
        ("TOKENAUDIT_QUIET", "maybe", "TOKENAUDIT_QUIET is not a switch; set it to 1 or 0"),
        ("TOKENAUDIT_JOBS", "many", "TOKENAUDIT_JOBS"),
        ("TOKENAUDIT_FORMAT", "yaml", "(from TOKENAUDIT_FORMAT)"),
        ("TOKENAUDIT_SCAN_FORMAT", "'open", "TOKENAUDIT_SCAN_FORMAT has an open quote"),
        ("TOKENAUDIT_CONFIG", "missing.toml", "missing.toml"),
    ],
)
def test_a_bad_variable_is_named_in_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = run("scan", str(place))
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_variable_for_other_runs_does_no_harm(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("scan", str(place), "--endpoint", "http://127.0.0.1:9").code == 2
    monkeypatch.setenv("TOKENAUDIT_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TOKENAUDIT_INVENTORY", str(place.parent / "inventory.db"))
    assert run("scan", str(place)).code == 1
    assert run("incident").code == 0
    assert run("scan", str(place), "--endpoint", "http://127.0.0.1:9").code == 2


def test_a_value_in_a_variable_is_masked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = Mint(72).user_token()
    for name in ("TOKENAUDIT_FAIL_ON", "TOKENAUDIT_FORMAT", "TOKENAUDIT_ENDPOINT", "TOKENAUDIT_CONFIG"):
        monkeypatch.setenv(name, value)
        ran = run("scan", str(place), "--inspect")
        assert ran.code == 2, name
        assert value not in ran.err, name
        monkeypatch.delenv(name)


def test_what_can_not_be_undone_is_not_confirmed_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENAUDIT_YES", "1")
    ran = run("revoke", "0" * 32, given=Mint(73).user_token())
    assert ran.code == 2


def test_the_log_says_what_is_read_without_values(place: Path) -> None:
    value = (place / "a.py").read_text().split('"')[1]
    (place / f"{value}.txt").write_text("x")
    quiet = run("scan", str(place), "-f", "json")
    assert "INFO" not in quiet.err
    for arguments in (("-v",), ("--log-level", "debug")):
        ran = run("scan", str(place / f"{value}.txt"), str(place), "-f", "json", *arguments)
        assert "tokenaudit: INFO: " in ran.err
        assert "(tree): " in ran.err
        assert value not in ran.err
        assert json.loads(ran.out)["schema"] == "tokenaudit/report/1"
    assert run("scan", str(place), "--log-level", "loud").code == 2


def test_a_command_leaves_the_logging_of_its_program_as_it_was(tmp_path: Path) -> None:
    logger = logging.getLogger("tokenaudit")
    before = (list(logger.handlers), logger.propagate, logger.level)
    (tmp_path / "a.txt").write_text("x")
    assert run("scan", str(tmp_path), "-v").code == 0
    assert run("scan", str(tmp_path), "--log-level", "debug", "--no-such").code == 2
    assert (list(logger.handlers), logger.propagate, logger.level) == before
