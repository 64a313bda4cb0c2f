"""Every place of the table is read on every system, and what was only recorded there counts as exposed."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.support.cli import Ran, tokenaudit
from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.hub.credentials import token_file, token_path
from tokenaudit.interfaces import LocatedDetection, ScanContext
from tokenaudit.secret import fingerprint
from tokenaudit.sources.machine import MachineSource
from tokenaudit.sources.machine.source import FOLDERS, VARIABLES
from tokenaudit.sources.machine.table import IN_PROJECTS, ROWS, ToolFiles

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names that Windows refuses")
ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"kept": "machine", "history": "machine-history", "log": "machine-log"}


@pytest.fixture
def mint() -> Mint:
    return Mint(77)


def examples(row: ToolFiles) -> list[str]:
    """A path for every pattern of `row` and every folder that it can stand for."""
    paths = []
    for pattern in row.paths:
        plain = pattern.replace("**/", "a/b/").replace("*", "x")
        if plain.startswith("{"):
            name, _, rest = plain[1:].partition("}/")
            paths += [f"{folder}/{rest}" for folder in FOLDERS[name]]
        else:
            paths.append(plain)
    return paths


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def found(home: Path, environment: dict[str, str] | None = None, *folders: Path) -> dict[str, set[tuple[str, str]]]:
    """(source, path) of everything found, by fingerprint."""
    source = MachineSource(home, environment or {}, folders, ask_helpers=False)
    seen: dict[str, set[tuple[str, str]]] = {}
    for each in source.findings(ScanContext(scanner=Detector.load())):
        if isinstance(each, LocatedDetection):
            spot = (each.location.source, each.location.path or "")
            seen.setdefault(each.detection.secret.fingerprint, set()).add(spot)
    return seen


@pytest.mark.parametrize("where", ["home", "project"])
def test_every_place_of_the_table_is_read(tmp_path: Path, mint: Mint, where: str) -> None:
    rows = ROWS if where == "home" else IN_PROJECTS
    below = "" if where == "home" else "work/project/"
    planted: dict[str, tuple[str, str]] = {}
    for row in rows:
        for path in examples(row):
            if not (tmp_path / below / path).exists():
                value = mint.user_token()
                put(tmp_path / below / path, f"token = {value}\n")
                planted[fingerprint(value)] = (SOURCES[row.use], f"~/{below}{path}")
    seen = found(tmp_path, {}, *([tmp_path / "work"] if where == "project" else []))
    assert len(planted) > 200 or where == "project"
    assert {mark: seen.get(mark) for mark in planted} == {mark: {spot} for mark, spot in planted.items()}


def test_every_place_named_by_a_variable_is_read(tmp_path: Path, mint: Mint) -> None:
    environment, planted = {"BASE": str(tmp_path / "elsewhere")}, {}
    for row in ROWS:
        for variable in row.variables:
            name, _, rest = variable.partition("/")
            environment[name] = f"$BASE/{name}"
            value = mint.user_token()
            put(tmp_path / "elsewhere" / name / rest if rest else tmp_path / "elsewhere" / name, value)
            planted[fingerprint(value)] = SOURCES[row.use]
    seen = found(tmp_path, environment)
    assert {mark: {source for source, _ in seen.get(mark, ())} for mark in planted} == {
        mark: {source} for mark, source in planted.items()
    }


def test_folders_move_with_their_variables(tmp_path: Path, mint: Mint) -> None:
    moved = {variable: f"~/{variable.lower()}" for variables in VARIABLES.values() for variable in variables}
    values = {variable: mint.user_token() for variable in moved}
    files = {
        "XDG_CONFIG_HOME": "git/credentials",
        "APPDATA": "Claude/claude_desktop_config.json",
        "XDG_DATA_HOME": "fish/fish_history",
        "LOCALAPPDATA": "wandb/logs/x.log",
        "XDG_CACHE_HOME": "huggingface/token",
        "XDG_STATE_HOME": "lesshst",
    }
    assert files.keys() == moved.keys()
    for variable, name in files.items():
        put(tmp_path / variable.lower() / name, values[variable])
    seen = found(tmp_path, moved)
    assert all(fingerprint(value) in seen for value in values.values())


def test_the_page_lists_every_place() -> None:
    page = (ROOT / "docs" / "machine.md").read_text("utf-8")
    for row in (*ROWS, *IN_PROJECTS):
        named = [f"`{path}`" for path in row.paths] + [f"`${variable}`" for variable in row.variables]
        lines = [line for line in page.splitlines() if line.startswith(f"| {row.what} |")]
        lines = [line for line in lines if all(name in line for name in named)]
        assert lines
        assert all(("exposed" in line) is (row.use != "kept") for line in lines)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "/home/u/.cache/huggingface/token"),
        ({"HF_HOME": "$DATA/hf"}, "/data/hf/token"),
        ({"HF_HOME": "${DATA}/hf"}, "/data/hf/token"),
        ({"HF_HOME": "~/hf"}, "/home/u/hf/token"),
        ({"HF_HOME": "~"}, "/home/u/token"),
        ({"HF_HOME": "$HOME/hf"}, "/home/u/hf/token"),
        ({"HF_HOME": "$UNSET/hf"}, "$UNSET/hf/token"),
        ({"XDG_CACHE_HOME": "$DATA"}, "/data/huggingface/token"),
        ({"XDG_CACHE_HOME": "~/c"}, "/home/u/c/huggingface/token"),
        ({"HF_TOKEN_PATH": "$DATA/t"}, "/data/t"),
        ({"HF_TOKEN_PATH": "~/t", "HF_HOME": "/x"}, "/home/u/t"),
    ],
)
def test_the_token_file_is_where_huggingface_hub_looks(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"HOME": "/home/u", "DATA": "/data", **environment}
    assert token_file(Path("/home/u"), environment) == Path(expected)
    for name in ("HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "UNSET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert token_path(os.environ) == Path(expected)


def doctor(home: Path, *arguments: str, **variables: str) -> Ran:
    return tokenaudit("doctor", *arguments, home=home, env=variables)


def test_huggingface_hub_itself_agrees(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415 - only here

    script = "from huggingface_hub import constants; print(constants.HF_TOKEN_PATH)"
    for variables in (
        {"HF_HOME": "$HOME/hfh"},
        {"HF_HOME": "~/x", "A": "b"},
        {"HF_TOKEN_PATH": "${A}/$B/t", "A": "/a"},
    ):
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **variables}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert token_file(tmp_path, environment) == Path(done.stdout.strip())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".zsh_history", ": 1700000000:0;hf auth login --token {}\n"),
        (".python_history", "login('{}')\n"),
        (".psql_history", "update settings set token = '{}';\n"),
        (".local/share/powershell/PSReadLine/ConsoleHost_history.txt", "$env:HF_TOKEN = '{}'\n"),
        (".claude/projects/-work/a.jsonl", '{{"content": "HF_TOKEN={}"}}\n'),
        ("wandb/run-1/files/config.yaml", "hf_token:\n  value: {}\n"),
    ],
)
def test_a_history_is_no_place_to_keep_a_credential(tmp_path: Path, mint: Mint, name: str, text: str) -> None:
    value = mint.user_token()
    put(tmp_path / name, text.format(value))
    ran = doctor(tmp_path)
    assert ran.code == 1
    assert "expected location" not in ran.out
    assert "token-exposed" in ran.out
    report = doctor(tmp_path, "-f", "json").report
    (credential,) = report["credentials"]
    assert {reason["rule"] for reason in credential["verdict"]["reasons"]} >= {"token-exposed"}


def test_the_token_store_still_is_one(tmp_path: Path, mint: Mint) -> None:
    put(tmp_path / ".cache/huggingface/token", mint.user_token())
    ran = doctor(tmp_path)
    assert "expected location" in ran.out


def test_a_history_beside_the_token_store_exposes_the_token(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    put(tmp_path / ".cache/huggingface/token", value)
    put(tmp_path / ".bash_history", f"export HF_TOKEN={value}\n")
    assert doctor(tmp_path).code == 1


def test_an_ipython_database(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    folder = tmp_path / ".ipython" / "profile_default"
    folder.mkdir(parents=True)
    database = sqlite3.connect(folder / "history.sqlite")
    database.execute("create table history (session integer, line integer, source text)")
    database.execute("insert into history values (1, 1, ?)", (f"login('{value}')",))
    database.commit()
    database.close()
    assert {source for source, _ in found(tmp_path)[fingerprint(value)]} == {"machine-history"}


@pytest.mark.parametrize("name", [".docker/config.json", ".config/containers/auth.json"])
def test_registry_logins_are_decoded(tmp_path: Path, mint: Mint, name: str) -> None:
    value = mint.user_token()
    login = base64.b64encode(f"user:{value}".encode()).decode()
    put(tmp_path / name, json.dumps({"auths": {"registry.hf.space": {"auth": login}}}))
    assert found(tmp_path)[fingerprint(value)] == {("machine", f"~/{name}")}


def test_linked_dotfiles_are_read_once(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    put(tmp_path / "dotfiles" / "env", f"HF_TOKEN={value}\n")
    (tmp_path / ".env").symlink_to("dotfiles/env")
    (tmp_path / ".envrc").symlink_to("dotfiles/env")
    assert len(found(tmp_path)[fingerprint(value)]) == 1


def test_revoke_finds_the_value_in_a_history_again(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    put(tmp_path / ".bash_history", f"export HF_TOKEN={value}\n")
    plan = tokenaudit("plan", "-", home=tmp_path, stdin=doctor(tmp_path, "-f", "json").out.encode()).out
    assert "--from ~/.bash_history" in plan
    assert "`hf auth login` with the new token" not in plan
