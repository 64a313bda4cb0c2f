"""A credential typed in the wrong place is masked in whatever the command then says."""

from __future__ import annotations

import io
import os
import signal
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tests.support.traces import KINDS, assert_hidden
from tokenaudit.cli import main

# "V" stands for the value.
MISTAKES = (
    "V",
    "--V",
    "--V=1",
    "-V",
    "--version=V",
    "auth V",
    "auth set V",
    "auth clear V",
    "doctor V",
    "doctor --endpoint V --inspect",
    "fingerprint V",
    "incident V",
    "incident --from V x",
    "incident --inventory V x",
    "incident --keyring V x",
    "incident --limit V",
    "incident --report V x",
    "incident --since V",
    "incident x --endpoint V",
    "inspect --env V",
    "inspect --endpoint V",
    "inspect --keyring V",
    "inspect --reach V",
    "inventory V",
    "inventory diff --since V",
    "inventory forget V",
    "inventory forget --namespace V",
    "inventory list --format V",
    "inventory list --inventory V",
    "inventory list --inventory postgresql://u:V@127.0.0.1:1/x",
    "inventory show V",
    "plan V",
    "plan --format V",
    "plan --mode V",
    "plan --only V -",
    "plan --output /dev/null/V -",
    "plan --write-patch V/x -",
    "plugins --plugin V",
    "plugins --format V",
    "report V",
    "report --format V",
    "report --output /dev/null/V -",
    "revoke V",
    "revoke V --yes",
    "revoke abcdef01 --from V --yes",
    "revoke abcdef01 --keyring V --yes",
    "revoke abcdef01 --organization V --yes",
    "revoke abcdef01 --token-id V",
    "revoke --format V",
    "rotate V --yes",
    "rotate V --dry-run",
    "rotate abcdef01 --consumer V --yes",
    "rotate abcdef01 --from V --yes",
    "rotate abcdef01 --grant V --yes",
    "rotate abcdef01 --journal V --yes",
    "rotate abcdef01 --keyring V --yes",
    "rotate abcdef01 --mode V",
    "rules V",
    "rules --format V",
    "scan V",
    "scan https://u:V@127.0.0.1:1/x",
    "scan https://127.0.0.1:1/V",
    "scan http://example.org/V",
    "scan ftp://V/x",
    "scan --baseline V",
    "scan --ci-ref V repo",
    "scan --endpoint V --inspect",
    "scan --fail-on V",
    "scan --format V",
    "scan -fV",
    "scan --jobs V",
    "scan --only V",
    "scan --only=V",
    "scan --output /dev/null/V",
    "scan --plugin V",
    "scan --reach V",
    "scan --secret-name V repo",
    "scan --since V repo",
    "scan --since=V repo",
    "scan --skip V",
    "scan --V",
    "scan --V=1",
    "sweep V --no-token",
    "sweep a --cache-dir /dev/null/V --no-token",
    "sweep a --endpoint V",
    "sweep a --inventory V/x --no-token",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    GitRepo(folder / "repo").commit("first", {"a.txt": "a\n"})
    return folder


@pytest.fixture
def run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, str], str]]:
    """Runs a command line in this process; what it wrote."""
    for name in set(os.environ) - set(environment(place)):
        monkeypatch.delenv(name)
    # Nothing answers at this address, and no request leaves this machine.
    changes = {
        "HF_ENDPOINT": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }
    for name, value in (environment(place) | changes).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)
    handler = signal.getsignal(signal.SIGTERM)

    def once(line: str, value: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{value}\n".encode())))
        arguments = [word.replace("V", value) for word in line.split()]
        code = main(arguments)
        said = capsys.readouterr()
        assert "internal error" not in said.err, said.err
        assert "Traceback" not in said.err, said.err
        assert code in {0, 1, 2, 3}, line
        return said.out + said.err

    yield once
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("line", MISTAKES)
def test_a_value_on_the_command_line_is_masked(run: Callable[[str, str], str], line: str) -> None:
    mint = Mint(line)
    kind = mint.random.choice(KINDS)
    plain = kind(mint)
    ways = {
        "plain": plain,
        "percent": urllib.parse.quote(plain, safe="").replace("_", "%5F"),
        "glued": f"x{plain}y",
    }
    for way, value in ways.items():
        assert_hidden(run(line, value), [plain], f"{line} ({kind.__name__}, {way})")


def test_what_is_said_still_names_the_mistake(run: Callable[[str, str], str]) -> None:
    value = Mint(1).user_token()
    shown = f"hf_****{value[-4:]}"
    assert run("V", value) == f"tokenaudit: error: No such command '{shown}'. See 'tokenaudit --help'.\n"
    assert run("scan --only V", value).startswith(f"tokenaudit: error: invalid value '{shown}' for --only")
    assert f"{shown} can't be read" in run("report V", value)


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("plugin.py", "raise RuntimeError('V')", "plugins --plugin plugin.py"),
        ("plugin.py", "V = (", "plugins --plugin plugin.py"),
        ("plugin.py", "class V: pass", "scan --plugin plugin.py ."),
        ("tokenaudit.toml", "V = 1", "scan ."),
        ("tokenaudit.toml", "[policy]\nmax_age_days = 'V'", "scan ."),
        ("tokenaudit.toml", "[[V", "scan ."),
        ("report.json", '{"schema": "V"}', "report report.json"),
        ("report.json", '{"schema": "tokenaudit/report/V"}', "plan report.json"),
        ("report.json", '{"schema": "tokenaudit/report/1", "V', "report report.json"),
        ("base.json", '{"V": ', "scan --baseline base.json ."),
        ("base.json", '{"results": {"V": [{"V": 1}]}}', "scan --baseline base.json ."),
    ],
)
def test_a_value_in_a_file_that_is_wrong_is_masked(tmp_path: Path, name: str, text: str, command: str) -> None:
    value = Mint(text + name).user_token()
    (tmp_path / "target").mkdir()
    (tmp_path / name).write_text(text.replace("V", value))
    ran = tokenaudit(*command.replace(" .", " target").split(), home=tmp_path, cwd=tmp_path)
    assert ran.code == 2, ran.err
    assert_hidden(ran.out + ran.err, [value], command)
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["scan --staged repo", "scan --since HEAD repo", "scan repo", "scan --ci-ref * repo"]
)
def test_what_git_complains_of_is_masked(tmp_path: Path, command: str) -> None:
    value = Mint(command).user_token()
    repo = GitRepo(tmp_path / "repo")
    repo.commit("first", {"a.txt": "a\n"})
    repo.git("config", "core.bare", "false")
    config = repo.git_dir / "config"
    config.write_text(
        config.read_text()
        + f"[core]\n\tfileMode = {value}\n\tlogAllRefUpdates = {value}\n[{value[:20]}]\n\tx = {value}\n"
    )
    ran = tokenaudit(*command.split(), home=tmp_path, cwd=tmp_path)
    assert ran.code in {1, 2, 3}
    assert_hidden(ran.out + ran.err, [value], command)


@pytest.mark.parametrize(
    "variable", ["HF_ENDPOINT", "HF_HOME", "HF_TOKEN_PATH", "TOKENAUDIT_INVENTORY", "XDG_CACHE_HOME", "NO_PROXY"]
)
def test_a_value_in_a_variable_of_ours_is_masked(tmp_path: Path, variable: str) -> None:
    value = Mint(variable).user_token()
    for command in ("inspect", "auth status", "inventory list", "doctor", "sweep acme --no-token"):
        env = {"HF_ENDPOINT": "http://127.0.0.1:1", "HF_TOKEN": value, variable: f"/dev/null/{value}"}
        ran = tokenaudit(*command.split(), home=tmp_path, env=env, stdin=b"nothing\n")
        assert_hidden(ran.out + ran.err, [value], command)
        assert "Traceback" not in ran.err
