"""Every option and argument that takes a file ends in one line where it is given something else."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support import reports
from tests.support.mint import Mint
from tokenaudit import exit_codes, file_access
from tokenaudit.cli import errors
from tokenaudit.cli.app import build
from tokenaudit.cli.command_line import invoke
from tokenaudit.inventory import open_inventory
from tokenaudit.report import render
from tokenaudit.secret import Secret, fingerprint

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")

APP = build(complete=True)
TAKES_A_FILE = {"FILE", "FILE|URL", "REPORT", "REPORT.json"}
NOT_NAMED = {("plan", "report")}
"""Arguments without a name for what they take."""

TOKEN = Mint(81).user_token()
BASE: dict[str, list[str]] = {
    "scan": ["scan", "PLACE"],
    "sweep": ["sweep", "acme", "--endpoint", "http://127.0.0.1:9"],
    "inspect": ["inspect", "--env", "A_TOKEN", "--endpoint", "http://127.0.0.1:9"],
    "doctor": ["doctor"],
    "plugins": ["plugins"],
    "report": ["report", "GOOD"],
    "plan": ["plan", "GOOD"],
    "rotate": [
        *("rotate", fingerprint(TOKEN), "--from", "PLACE", "--new-keyring", "new", "--yes"),
        *("--consumer", "dotenv:ENV#HF_TOKEN", "--endpoint", "http://127.0.0.1:9"),
    ],
    "incident": ["incident", "platform-2026-07", "--endpoint", "http://127.0.0.1:9", "--no-token"],
    "changes": ["changes", "acme/m", "--since", "7d", "--endpoint", "http://127.0.0.1:9", "--no-token"],
    "usage": ["usage", "acme"],
    "service-accounts list": ["service-accounts", "list", "acme"],
    "service-accounts create-token": [
        *("service-accounts", "create-token", "acme", "bot", "--to", "keyring:new", "--yes"),
        *("--grant", "repo.content.read@acme/m"),
    ],
    "service-accounts rotate": ["service-accounts", "rotate", "acme", "bot", "ci", "--to", "keyring:new", "--yes"],
    "service-accounts narrow": ["service-accounts", "narrow", "acme", "bot", "ci", "--yes"],
    "inventory list": ["inventory", "list"],
    "inventory show": ["inventory", "show", "0" * 32],
    "inventory diff": ["inventory", "diff"],
    "inventory check": ["inventory", "check"],
    "inventory export": ["inventory", "export"],
    "inventory forget": ["inventory", "forget", "0" * 32],
}
"""A run of each command that works, or fails later than for its files."""

LATER = {("sweep", "--plugin"), ("sweep", "--output")}
"""Without a Hub there is nothing to read or write; `scan` has the same options, through the same code."""

WRITTEN = {"--output", "--record"}
"""A device is a place to write to."""


def run_app(app: typer.Typer, arguments: list[str]) -> int:
    return errors.run(partial(invoke, app, arguments))


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for each, inner in command.commands.items():
            yield from commands(inner, f"{name} {each}".strip())
    else:
        yield from ((name, parameter) for parameter in command.params)


def file_arguments() -> list[tuple[str, str]]:
    """(command, option, or "" for an argument) of everything that takes a file."""
    found = []
    for name, parameter in commands(typer.main.get_command(APP)):
        metavar = (parameter.metavar or "").strip("[].") if parameter.metavar != "REPORT.json" else "REPORT.json"
        if metavar in TAKES_A_FILE or (name, parameter.name) in NOT_NAMED:
            found.append((name, "" if parameter.param_type_name == "argument" else parameter.opts[0]))
    return found


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def link_to_pipe(folder: Path) -> Path:
    (folder / "link").symlink_to(pipe(folder))
    return folder / "link"


def a_folder(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return folder / "folder"


SPECIAL: dict[str, Callable[[Path], Path]] = {
    "pipe": pipe,
    "link to a pipe": link_to_pipe,
    "folder": a_folder,
    "device": lambda _: Path("/dev/zero"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_access, "NO_WRITER_SECONDS", 0.05)
    monkeypatch.setattr(file_access, "LARGEST", 1 << 20)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("A_TOKEN", TOKEN)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    (tmp_path / "home").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "a.txt").write_text(TOKEN)
    (tmp_path / "env").write_text(f"HF_TOKEN={TOKEN}\n")
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setenv("TOKENAUDIT_INVENTORY", str(tmp_path / "inventory.sqlite"))
    (tmp_path / "inventory.sqlite").write_bytes(empty_inventory())
    (tmp_path / "good.json").write_text(render(reports.leaked(Secret(TOKEN)), "json"))
    return tmp_path


@cache
def empty_inventory() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.sqlite"
        with open_inventory(str(path)):
            pass
        return path.read_bytes()


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize(("command", "option"), [each for each in file_arguments() if each not in LATER])
def test_it_ends_in_one_line(
    place: Path,
    command: str,
    option: str,
    kind: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    special = SPECIAL[kind](place)
    if command.startswith(("usage", "service-accounts")):  # they need a token of the auditor
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    named = {"PLACE": str(place / "place"), "GOOD": str(place / "good.json"), "dotenv:ENV#HF_TOKEN": ""}
    named["dotenv:ENV#HF_TOKEN"] = f"dotenv:{place / 'env'}#HF_TOKEN"
    arguments = [named.get(each, each) for each in BASE[command]]
    if option == "--plan" and "--grant" in arguments:
        arguments = arguments[: arguments.index("--grant")]
    if option:
        arguments += [option, str(special)]
    else:
        arguments = [str(special) if each == named["GOOD"] else each for each in arguments]
    if option == "--baseline" and command == "scan" and kind == "folder":
        arguments += ["--update-baseline"]
    code = run_app(APP, arguments)
    said = capsys.readouterr().err
    if kind == "device" and option in WRITTEN:
        assert code != exit_codes.USAGE
        return
    assert code == exit_codes.USAGE, said
    (line,) = [line for line in said.splitlines() if line.startswith("tokenaudit: error: ")]
    assert str(special) in line, said
    assert "Traceback" not in said


def test_a_report_that_can_not_be_written_at_the_end_goes_to_stdout(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_text: str, _output: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokenaudit.cli.output._write", fails)
    assert run_app(APP, ["scan", str(place / "place"), "-f", "json", "-o", str(place / "o.json")]) == 2
    said = capsys.readouterr()
    assert fingerprint(TOKEN) in said.out
    assert "No space left" in said.err


@pytest.mark.parametrize("option", ["--output", "--baseline"])
def test_what_can_not_be_used_is_found_out_before_the_work(
    place: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tokenaudit.audit.auditor.Auditor.audit", lambda *_: pytest.fail("it was done"))
    assert run_app(APP, ["scan", str(place / "place"), option, str(place)]) == 2
    assert str(place) in capsys.readouterr().err
