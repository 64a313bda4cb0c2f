"""Every command with every format and every part: honored, or refused before anything is read. Never ignored."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as ET

import pytest

from tests.hub.double import HubDouble
from tests.inventory.test_damage import filled
from tests.support.gitrepo import GitRepo
from tests.support.inprocess import Result, run, run_into
from tests.support.mint import Mint
from tokenaudit.inventory import open_inventory
from tokenaudit.report import FORMATS

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
MINT = Mint(92)
IN_HISTORY, IN_TREE = MINT.user_token(), MINT.user_token()
WORKFLOW = """on: push
env:
  HF_TOKEN: ${{ secrets.HF_TOKEN }}
jobs:
  a:
    runs-on: x
    steps:
      - run: hf upload a
"""


def is_json(text: str) -> bool:
    return isinstance(json.loads(text), dict | list)


def is_csv(text: str) -> bool:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def is_text(text: str) -> bool:
    return text[:1] not in {"{", "[", "<", '"', "#", ":"}


KINDS: dict[str, Callable[[str], bool]] = {
    "text": is_text,
    "json": is_json,
    "sarif": lambda text: json.loads(text)["version"] == "2.1.0",
    "gitlab": lambda text: "vulnerabilities" in json.loads(text),
    "github": lambda text: text.startswith("::"),
    "markdown": lambda text: text.startswith("#") or "|" in text,
    "html": lambda text: text.lower().startswith("<!doctype html"),
    "csv": is_csv,
    "junit": lambda text: ET.fromstring(text.encode()).tag == "testsuites",  # noqa: S314 - our own
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub_double: HubDouble) -> Path:
    """A repository with one value in its history only, another in its files only, and a workflow with a problem."""
    repo = GitRepo(tmp_path / "work")
    repo.commit("leak", {"old.py": f"t = '{IN_HISTORY}'\n"})
    repo.commit("clean", {"old.py": "t = None\n"})
    (repo.path / "notes.txt").write_text(f"see {IN_TREE}\n")
    (repo.path / ".github" / "workflows").mkdir(parents=True)
    (repo.path / ".github" / "workflows" / "a.yml").write_text(WORKFLOW)
    monkeypatch.chdir(repo.path)
    for name in ("HF_TOKEN", "HF_HOME", "HF_TOKEN_PATH", "GITHUB_STEP_SUMMARY", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", hub_double.endpoint)
    monkeypatch.setenv("TOKENAUDIT_INVENTORY", str(tmp_path / "inventory.db"))
    return repo.path


def honored_or_refused(result: Result, form: str) -> None:
    assert "Traceback" not in result.err
    if result.code == 2:
        assert result.out == ""
        assert form in result.err, result.err
    else:
        assert KINDS[form](result.out), (form, result.out[:200])


COMMANDS = {
    "scan": ["scan", "-q"],
    "report": ["report", "report.json"],
    "inspect": ["inspect", "-q", "--no-token"],
    "doctor": ["doctor", "-q"],
    "plan": ["plan", "report.json"],
    "rules": ["rules"],
    "rules of one": ["rules", "token-exposed"],
    "plugins": ["plugins"],
    "incidents": ["incident"],
    "incident": ["incident", "spaces-2024-05", "--no-token", "--report", "report.json"],
    "inventory list": ["inventory", "list"],
    "inventory check": ["inventory", "check"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_format_of_every_command(name: str, place: Path) -> None:
    (place / "report.json").write_text(run("scan", "-q", "-f", "json").out)
    with open_inventory(place.parent / "inventory.db") as inventory:
        filled(inventory)
    formats = list(FORMATS)
    seen: dict[str, str] = {}
    for form in formats:
        result = run(*COMMANDS[name], "-f", form, given=f"{IN_TREE}\n" if name == "inspect" else "")
        honored_or_refused(result, form)
        if result.code != 2:
            seen[form] = result.out
    assert not seen or len(set(seen.values())) == len(seen), "two formats gave the same text"


def unread() -> TextIO:
    """A pipe whose reader has gone, as `head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w", encoding="utf-8")


@needs_full
@pytest.mark.parametrize("name", [*COMMANDS, "help", "version"])
def test_a_stdout_that_takes_nothing_is_reported_by_every_command(name: str, place: Path) -> None:
    """Whoever stops reading gets the code of an incomplete report, of any length and in any format."""
    (place / "report.json").write_text(run("scan", "-q", "-f", "json").out)
    with open_inventory(place.parent / "inventory.db") as inventory:
        filled(inventory)
    given = f"{IN_TREE}\n" if name == "inspect" else ""
    words = {"help": ["scan", "--help"], "version": ["--version"]}.get(name) or COMMANDS[name]
    some = ("text", "json") if name in {"scan", "inspect", "doctor"} else FORMATS  # "report" has all of them
    forms = [()] if name in {"help", "version"} else [("-f", form) for form in some]
    tried = 0
    for form in forms:
        if run(*words, *form, given=given).code == 2:
            continue
        tried += 1
        assert run_into(unread(), *words, *form, given=given) == (3, ""), form
        for out in ("closed", "full"):
            with Path("/dev/full" if out == "full" else os.devnull).open("w", encoding="utf-8") as stream:
                code, err = run_into(stream if out == "full" else None, *words, *form, given=given)
            assert code == 2, form
            assert err.startswith("tokenaudit: error: can't write to stdout: "), err
            assert err.count("\n") == 1
    assert tried


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_report_is_written_to_a_file_in_every_format(form: str, place: Path) -> None:
    result = run("scan", "-q", "-f", form, "-o", "out.txt")
    assert (result.code, result.out) == (1, "")
    assert KINDS[form]((place / "out.txt").read_text())


PARTS = {"history": "old.py", "tree": "notes.txt", "ci": "environment of every job"}


def choices() -> Iterator[tuple[tuple[str, ...], set[str]]]:
    for number in (1, 2, 3):
        for parts in itertools.combinations(PARTS, number):
            yield ("--only", ",".join(parts)), set(parts)
            if number < len(PARTS):
                yield ("--skip", ",".join(parts)), set(PARTS) - set(parts)


@pytest.mark.parametrize(("options", "parts"), [pytest.param(*each, id=" ".join(each[0])) for each in choices()])
@pytest.mark.usefixtures("place")
def test_the_parts_are_chosen_in_every_format(options: tuple[str, ...], parts: set[str]) -> None:
    """What was left out is in no format, what was not is in each."""
    for form in FORMATS:
        written = run("scan", "-q", "-f", form, *options).out
        assert {part for part, file in PARTS.items() if file in written} == parts, form


@pytest.mark.usefixtures("place")
def test_leaving_everything_out_is_refused() -> None:
    result = run("scan", "--skip", "history,tree,ci")
    assert (result.code, result.out) == (2, "")
    for options in (("--only", "tree", "--skip", "tree"), ("--only", "nothing"), ("--only", ","), ("--skip", " , ")):
        result = run("scan", *options)
        assert (result.code, result.out) == (2, ""), options


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "--only", ""),
        ("scan", "--only="),
        ("scan", "--since", ""),
        ("scan", "--baseline", "", "."),
        ("scan", "-o", ""),
        ("scan", "--inspect", "--endpoint", ""),
        ("scan", "--config", ""),
        ("sweep", "acme", "--type", ""),
        ("sweep", "acme", "--lfs="),
        ("inventory", "list", "--inventory", ""),
        ("revoke", "12345678", "--from", ""),
        ("rotate", "12345678", "--consumer", ""),
    ],
)
@pytest.mark.usefixtures("place")
def test_an_empty_value_is_refused(arguments: tuple[str, ...]) -> None:
    """As from a variable that is unset: what was to be limited would be everything."""
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "has an empty value" in result.err


@pytest.mark.parametrize("severity", ["info", "low", "medium", "high", "critical", "never"])
@pytest.mark.usefixtures("place")
def test_the_exit_code_is_the_same_in_every_format(severity: str) -> None:
    codes = {form: run("scan", "-q", "-f", form, "--fail-on", severity).code for form in FORMATS}
    assert set(codes.values()) == {0 if severity in {"critical", "never"} else 1}, codes


@pytest.mark.usefixtures("place")
def test_color_and_quiet_change_no_document() -> None:
    for form in ("sarif", "csv", "text"):
        plain = run("scan", "-f", form)
        for option in ("--no-color", "--quiet"):
            written = run("scan", "-f", form, option).out
            assert [line for line in written.splitlines() if "ime" not in line and "id" not in line] == [
                line for line in plain.out.splitlines() if "ime" not in line and "id" not in line
            ], (form, option)
        assert run("scan", "-f", form, "--quiet").err == ""
