"""A Hub that can't be reached is found out once, whichever command asks, and nothing is called dead or clean for it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.support.cli import Ran, tokenaudit
from tests.support.mint import Mint
from tokenaudit import policy

COUNT = 70


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def values() -> list[str]:
    mint = Mint(90)
    return [mint.user_token() for _ in range(COUNT)]


def reasons(ran: Ran) -> list[str]:
    credentials = ran.report["credentials"]
    assert {credential["inspection"]["status"] for credential in credentials} == {"unknown"}
    return [credential["inspection"]["reason"] for credential in credentials]


def found_out_once(told: list[str]) -> None:
    assert len(told) == COUNT
    assert sum("no connection" in reason for reason in told) == 1
    assert sum("not sent" in reason for reason in told) == COUNT - 1


@pytest.mark.parametrize("kind", ["closed", "unknown host", "no TLS"])
def test_inspect(kind: str, closed: str, values: list[str], tmp_path: Path) -> None:
    unknown = "https://no-such-host.invalid"
    endpoints = {"closed": closed, "unknown host": unknown, "no TLS": closed.replace("http", "https")}
    ran = tokenaudit(
        "inspect", "-f", "json", "--endpoint", endpoints[kind], home=tmp_path, stdin="\n".join(values).encode()
    )
    found_out_once(reasons(ran))


def test_scan(closed: str, values: list[str], tmp_path: Path) -> None:
    (tmp_path / "scanned").mkdir()
    (tmp_path / "scanned" / "tokens.txt").write_text("\n".join(values))
    ran = tokenaudit("scan", tmp_path / "scanned", "--inspect", "-f", "json", "--endpoint", closed, home=tmp_path)
    found_out_once(reasons(ran))


def test_doctor(closed: str, values: list[str], tmp_path: Path) -> None:
    (tmp_path / ".bash_history").write_text("".join(f"hf auth login --token {value}\n" for value in values))
    ran = tokenaudit("doctor", "--inspect", "-f", "json", "--endpoint", closed, home=tmp_path)
    found_out_once(reasons(ran))


def test_incident(closed: str, values: list[str], tmp_path: Path) -> None:
    scanned = tmp_path / "scanned"
    scanned.mkdir()
    (scanned / "tokens.txt").write_text("\n".join(values))
    report = tmp_path / "report.json"
    tokenaudit("scan", scanned, "-f", "json", "-o", report, "--fail-on", "never", home=tmp_path)
    assert len(json.loads(report.read_text())["credentials"]) == COUNT
    (incident, *_) = json.loads((Path(policy.__path__[0]) / "incidents.json").read_text())
    ran = tokenaudit(
        "incident", incident["id"], "--endpoint", closed, "--report", report, "-f", "json",
        home=tmp_path, stdin="\n".join(values).encode(), env={"HF_TOKEN": Mint(91).user_token()},
    )  # fmt: skip
    told = [one["status_reason"] for one in ran.report["credentials"]]
    found_out_once(told)


def test_sweep(closed: str, tmp_path: Path) -> None:
    ran = tokenaudit("sweep", "acme", "--endpoint", closed, home=tmp_path)
    assert ran.code == 2
    assert "no connection" in ran.err
