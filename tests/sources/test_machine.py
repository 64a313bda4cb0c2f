"""`MachineSource` reads a home folder as tools leave it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mint import Mint
from tests.support.posix import is_root
from tokenaudit.detect import Detector
from tokenaudit.interfaces import Finding, LocatedDetection, ScanContext
from tokenaudit.model import Problem, Skipped
from tokenaudit.sources.machine import MachineSource

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file modes and home folders are those of POSIX here")


@pytest.fixture
def mint() -> Mint:
    return Mint(11)


def audited(home: Path, environment: dict[str, str] | None = None, *folders: Path) -> list[Finding]:
    source = MachineSource(home, environment or {}, folders, ask_helpers=False)
    return list(source.findings(ScanContext(scanner=Detector.load())))


def paths(findings: list[Finding], value: str) -> list[str | None]:
    return [
        finding.location.path
        for finding in findings
        if isinstance(finding, LocatedDetection) and finding.detection.secret.reveal() == value
    ]


def put(home: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".cache/huggingface/token", "{}"),
        (".cache/huggingface/stored_tokens", "[work]\nhf_token = {}\n"),
        (".huggingface/token", "{}\n"),
        (".git-credentials", "https://hf_user:{}@huggingface.co\n"),
        (".config/git/credentials", "https://hf_user:{}@huggingface.co\n"),
        (".netrc", "machine huggingface.co login me password {}\n"),
        (".bash_history", "hf auth login --token {}\n"),
        (".zsh_history", ": 1700000000:0;export HF_TOKEN={}\n"),
        (".local/share/fish/fish_history", "- cmd: set -x HF_TOKEN {}\n"),
        (".bashrc", "export HF_TOKEN={}\n"),
        (".env", "HF_TOKEN={}\n"),
        (".env.local", "HF_TOKEN={}\n"),
        (".docker/config.json", '{{"auths": {{"registry.hf.space": {{"identitytoken": "{}"}}}}}}'),
    ],
)
def test_every_place_gives_up_its_credential(tmp_path: Path, mint: Mint, name: str, text: str) -> None:
    value = mint.user_token()
    put(tmp_path, name, text.format(value))
    assert paths(audited(tmp_path), value) == [f"~/{name}"]


def test_the_token_store_moves_with_its_variables(tmp_path: Path, mint: Mint) -> None:
    active, stored, moved = mint.user_token(), mint.oauth_token(), mint.refresh_token()
    put(tmp_path, "elsewhere/my-token", active)
    put(tmp_path, "elsewhere/stored_tokens", f"[a]\nhf_token = {stored}\nrefresh_token = {moved}\n")
    findings = audited(tmp_path, {"HF_TOKEN_PATH": "~/elsewhere/my-token"})
    assert paths(findings, active) == ["~/elsewhere/my-token"]
    assert paths(findings, stored) == ["~/elsewhere/stored_tokens"]
    assert paths(findings, moved) == ["~/elsewhere/stored_tokens"]


def test_environment_variables_are_named(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    findings = audited(tmp_path, {"HF_TOKEN": value, "OTHER": "nothing"})
    assert paths(findings, value) == ["$HF_TOKEN"]


@pytest.mark.parametrize(
    ("mode", "too_open"), [(0o600, False), (0o400, False), (0o640, True), (0o644, True), (0o602, True)]
)
def test_a_file_open_to_others_is_a_problem_of_its_own(tmp_path: Path, mint: Mint, mode: int, too_open: bool) -> None:
    put(tmp_path, ".cache/huggingface/token", mint.user_token(), mode)
    problems = [finding for finding in audited(tmp_path) if isinstance(finding, Problem)]
    assert [problem.rule for problem in problems] == (["machine-file-too-open"] if too_open else [])
    if too_open:
        assert problems[0].remedy == "chmod 600 ~/.cache/huggingface/token"
        assert f"{mode:04o}" in problems[0].message


def test_an_open_file_without_a_credential_is_nobodys_business(tmp_path: Path) -> None:
    put(tmp_path, ".bashrc", "export HF_HOME=/data\n", 0o644)
    assert audited(tmp_path) == []


@pytest.fixture
def unreadable(tmp_path: Path, mint: Mint) -> Iterator[Path]:
    path = put(tmp_path, ".netrc", mint.user_token(), 0)
    yield path
    path.chmod(0o600)


@pytest.mark.skipif(is_root, reason="root reads everything")
def test_an_unreadable_file_is_reported(tmp_path: Path, unreadable: Path) -> None:
    assert [finding for finding in audited(tmp_path) if isinstance(finding, Skipped)] == [
        Skipped(f"~/{unreadable.name}", "can't be read: Permission denied")
    ]


def test_a_folder_or_a_pipe_in_a_files_place_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".netrc").mkdir()
    os.mkfifo(tmp_path / ".bash_history")
    assert audited(tmp_path) == []


def test_notebooks_and_dotenv_files_are_found_below_the_folders_named(tmp_path: Path, mint: Mint) -> None:
    value = mint.user_token()
    cell = {"cell_type": "code", "source": [f'login("{value}")'], "outputs": [], "metadata": {}}
    import json  # noqa: PLC0415 - only here

    put(tmp_path, "projects/deep/a.ipynb", json.dumps({"cells": [cell], "nbformat": 4}))
    put(tmp_path, "projects/service/.env", f"TOKEN={value}\n")
    put(tmp_path, "projects/node_modules/x/.env", f"TOKEN={value}\n")
    findings = audited(tmp_path, {}, tmp_path)
    assert sorted(map(str, paths(findings, value))) == ["~/projects/deep/a.ipynb", "~/projects/service/.env"]


def test_git_credential_helpers_are_asked(tmp_path: Path, mint: Mint) -> None:
    from tokenaudit.sources.machine.source import helper_answers  # noqa: PLC0415 - one test needs it

    value = mint.user_token()
    put(tmp_path, "creds", f"https://hf_user:{value}@huggingface.co\n")
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "config", "--global", "credential.helper", f"store --file {tmp_path / 'creds'}"],
        check=True,
        env=environment,
    )
    assert list(helper_answers(environment)) == [("git credential helper for huggingface.co", value)]


def test_a_machine_without_helpers_is_not_asked(tmp_path: Path) -> None:
    from tokenaudit.sources.machine.source import helper_answers  # noqa: PLC0415 - as above

    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    assert list(helper_answers(environment)) == []
