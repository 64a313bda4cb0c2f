"""`tokenaudit revoke` as it is run: from a pipe, from a terminal, against the double."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

COMMAND = [sys.executable, "-m", "tokenaudit", "revoke"]


@pytest.fixture
def environment(tmp_path: Path, hub_double: HubDouble) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    return {**kept, "HOME": str(tmp_path), "HF_ENDPOINT": hub_double.endpoint, "NO_PROXY": "*"}


def revoke(arguments: list[str], given: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], input=given, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_without_a_terminal_and_without_yes_nothing_is_sent(hub_double: HubDouble, environment: dict[str, str]) -> None:
    value = hub_double.knows(Mint(1).user_token())
    done = revoke([fingerprint(value)], value + "\n", environment)
    assert done.returncode == 2
    assert "nothing was sent" in done.stderr
    assert hub_double.requests == []


def test_with_yes_only_the_named_one_dies(hub_double: HubDouble, environment: dict[str, str]) -> None:
    mint = Mint(2)
    named, other = hub_double.knows(mint.user_token()), hub_double.knows(mint.user_token())
    done = revoke([fingerprint(named), "--yes", "-f", "json"], f"{other}\n{named}\n", environment)
    assert done.returncode == 0, done.stderr
    (outcome,) = json.loads(done.stdout)["credentials"]
    assert outcome["result"] == "revoked"
    assert hub_double.world.revoked == [[named]]
    assert other in hub_double.world.tokens
    assert named not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_outcomes_that_a_file_can_not_take_are_printed(hub_double: HubDouble, environment: dict[str, str]) -> None:
    value = hub_double.knows(Mint(4).user_token())
    done = revoke([fingerprint(value), "--yes", "-f", "json=/dev/full"], value + "\n", environment)
    assert done.returncode == 2
    assert "can't write to /dev/full" in done.stderr
    assert json.loads(done.stdout)["credentials"][0]["result"] == "revoked"


def test_a_value_is_found_again_where_it_stands(
    hub_double: HubDouble, environment: dict[str, str], tmp_path: Path
) -> None:
    value = hub_double.knows(Mint(3).user_token())
    place = tmp_path / "project"
    place.mkdir()
    (place / ".env").write_text(f"HF_TOKEN={value}\n")
    done = revoke([fingerprint(value), "--from", str(place), "--yes"], "", environment)
    assert done.returncode == 0, done.stderr
    assert hub_double.world.revoked == [[value]]
    assert ".env" in done.stderr


def test_a_placeholder_is_refused(hub_double: HubDouble, environment: dict[str, str]) -> None:
    value = "hf_" + "x" * 34
    done = revoke([fingerprint(value), "--yes"], value, environment)
    assert done.returncode == 2
    assert hub_double.requests == []


@pytest.mark.parametrize(("answer", "code", "dead"), [("revoke {}", 0, True), ("revoke", 2, False), ("y", 2, False)])
def test_on_a_terminal_the_phrase_has_to_be_typed(
    hub_double: HubDouble, environment: dict[str, str], tmp_path: Path, answer: str, code: int, dead: bool
) -> None:
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    value = hub_double.knows(Mint(4).user_token())
    (tmp_path / "x.txt").write_text(value)
    arguments = [fingerprint(value), "--from", str(tmp_path / "x.txt")]
    main, side = pty.openpty()
    with subprocess.Popen([*COMMAND, *arguments], stdin=side, env=environment, stderr=subprocess.PIPE) as process:
        os.close(side)
        assert process.stderr is not None
        shown = b""
        while b"continue: " not in shown:
            piece = process.stderr.read1()  # type: ignore[attr-defined]
            assert piece, shown
            shown += piece
        os.write(main, answer.format(fingerprint(value)[:8]).encode() + b"\n")
        assert process.wait(60) == code
    os.close(main)
    assert (value not in hub_double.world.tokens) == dead
    assert b"alice" in shown
