"""A simple command line of `scan` is read without typer, with the same result."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cli import environment
from tests.support.inprocess import run
from tokenaudit.cli import run_scan, scan
from tokenaudit.cli.choices import FailOn
from tokenaudit.cli.destinations import OutputDestination

WORDS = [
    "--staged", "--quiet", "-q", "--no-color", "--no-config", "--show-unlikely", "--show-dead", "--honour-ignores",
    "--fail-on", "never", "high", "HIGH", "nothing", "--fail-on=low", "--jobs", "-j", "2", "0", "02", "-1", "٣", "1.5",
    "--only", "history", "history,tree", "--skip", "--since", "HEAD~1", "--exclude", "*.py", "--format", "-f", "json",
    "text", "sarif", "other", "json=x", "--output", "-o", "-", "--", ".", "a b", "ä", "", "-qj2", "--stag", "--help",
    "-x", "--reach", "none", "--inspect", "-v", "--log-level", "info", "--plugin", "--config",
]  # fmt: skip
DEFAULTS = {name: each.default for name, each in inspect.signature(run_scan.run_scan).parameters.items()}


def by_typer(arguments: list[str]) -> dict[str, Any] | str:
    """The values of all options that typer reads; its complaint if it has one."""
    found: list[dict[str, Any]] = []

    def note(**values: Any) -> int:
        found.append(values)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "run_scan", note)
        patch.setattr(run_scan, "plain_scan", lambda *_: None)
        done = run(*arguments)
    return found[0] if found else done.err + done.out


def plainly(arguments: list[str]) -> dict[str, Any] | None:
    """The values of all options, read without typer; None if typer has to read them."""
    command = run_scan.plain_scan(arguments, {})
    if command is None:
        return None
    assert isinstance(command, partial)
    assert command.func is run_scan.run_scan
    return {**DEFAULTS, **command.keywords, "targets": command.keywords["targets"] or None}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_what_is_read_without_typer_is_what_typer_reads(words: list[str]) -> None:
    plain = plainly(["scan", *words])
    if plain is not None:
        theirs = by_typer(["scan", *words])
        assert isinstance(theirs, dict), theirs
        assert plain == {**theirs, "targets": theirs["targets"] or None}


def test_usual_command_lines_are_read_without_typer() -> None:
    found = plainly(
        ["scan", "--staged", "-q", "--fail-on", "high", "-f", "json", "--jobs", "2", "a", "-", "--exclude", "b"]
    )
    assert found == {
        **DEFAULTS, "staged": True, "quiet": True, "fail_on": FailOn.HIGH, "formats": [OutputDestination("json")],
        "jobs": 2, "targets": ["a", "-"], "exclude": ["b"],
    }  # fmt: skip
    assert plainly(["scan"]) == DEFAULTS


@pytest.mark.parametrize(
    "words",
    [
        ["--fail-on"],
        ["--fail-on", "bad"],
        ["--fail-on="],
        ["--jobs", "0"],
        ["-f", "json=x"],
        ["--since", ""],
        ["--stage"],
    ],
)
def test_mistakes_are_left_to_typer(words: list[str]) -> None:
    assert plainly(["scan", *words]) is None


@pytest.mark.parametrize("name", ["TOKENAUDIT_FAIL_ON", "TOKENAUDIT_SCAN_QUIET", "_TOKENAUDIT_COMPLETE", "COMP_WORDS"])
def test_variables_are_left_to_typer(name: str) -> None:
    assert run_scan.plain_scan(["scan"], {name: "high"}) is None
    assert run_scan.plain_scan(["scan"], {"HOME": "/"}) is not None
    assert run_scan.plain_scan(["--version"], {}) is None


def test_a_simple_scan_loads_no_typer(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("nothing here\n")
    program = "import sys; from tokenaudit.cli import main; code = main(); print(code, 'typer' in sys.modules)"
    for words, loaded in ((["scan", "text.txt"], False), (["scan", "--fail-on=low", "text.txt"], True)):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.endswith(f"0 {loaded}\n"), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a pipe")
@pytest.mark.parametrize("words", [["scan", "."], ["scan", "--fail-on=low", "."]])
def test_a_reader_that_went_away_ends_both_in_the_same_way(words: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tokenaudit", *words],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


def test_an_interrupt_ends_both_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_scan, "scan_targets", lambda *_: interrupted())
    plain, typers = run("scan", "."), run("scan", "--fail-on=low", ".")
    assert (plain.code, plain.err, plain.out) == (typers.code, typers.err, typers.out)
    assert plain.code == 130
