"""`tokenaudit rotate` as it is run, killed for real in between."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tests.support.posix import posix_only
from tokenaudit.secret import fingerprint

COMMAND = [sys.executable, "-m", "tokenaudit", "rotate"]
GRANTS = ["--grant", "repo.content.read@model:alice/m"]


class Home:
    """A home folder with two consumers, and the Hub they belong to."""

    def __init__(self, path: Path, double: HubDouble) -> None:
        mint = Mint(80)
        self.path = path
        self.double = double
        self.old, self.new = double.knows(mint.user_token()), mint.user_token()
        scope = bodies.scope("model", ["repo.content.read"], name="alice/m")
        double.knows(self.new, bodies.user(bodies.fine_grained(scope)))
        double.world.add_repo("alice/m", visibility="private")
        (path / ".env").write_text(f"HF_TOKEN={self.old}\n")
        (path / "token").write_text(self.old)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "XDG_"))}
        self.environment = {
            **kept,
            "HOME": str(path),
            "HF_ENDPOINT": double.endpoint,
            "HF_TOKEN_PATH": str(path / "token"),
            "NO_PROXY": "*",
        }

    def arguments(self, *more: str) -> list[str]:
        consumers = ["--consumer", f"dotenv:{self.path}/.env", "--consumer", "token-store"]
        journal = ["--journal", str(self.path / "journal.json"), "--no-token"]
        return [*COMMAND, fingerprint(self.old), *consumers, *GRANTS, *journal, *more]

    def run(self, *more: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.arguments(*more),
            input=f"{self.new}\n{self.old}\n" if given is None else given,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def moved(self) -> bool:
        return (self.path / ".env").read_text() == f"HF_TOKEN={self.new}\n" and self.new == (
            self.path / "token"
        ).read_text()


@pytest.fixture
def home(tmp_path: Path, hub_double: HubDouble) -> Home:
    return Home(tmp_path, hub_double)


def test_without_a_terminal_and_without_yes_nothing_is_done(home: Home) -> None:
    done = home.run()
    assert done.returncode == 2
    assert home.double.requests == []


def test_a_dry_run_says_what_would_be_done(home: Home) -> None:
    done = home.run("--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("would update") == 2
    assert not home.moved()
    assert home.old in home.double.world.tokens
    assert not (home.path / "journal.json").exists()


def test_it_moves_everything_and_shows_no_value(home: Home) -> None:
    done = home.run("--yes", "--record", str(home.path / "record.json"))
    assert done.returncode == 0, done.stderr
    assert home.moved()
    assert home.old not in home.double.world.tokens
    written = done.stdout + done.stderr + (home.path / "record.json").read_text()
    assert home.old not in written
    assert home.new not in written


def test_run_again_after_the_end_it_does_nothing(home: Home) -> None:
    assert home.run("--yes").returncode == 0
    asked = len(home.double.requests)
    for more in (["--yes"], ["--dry-run"], ["--yes", "--mode", "breach"]):
        done = home.run(*more, given="")
        assert done.returncode == 0, done.stderr
        assert "nothing left to do" in done.stderr
    assert len(home.double.requests) == asked
    (home.path / ".env").write_text(f"HF_TOKEN={home.old}\n")
    done = home.run("--yes")
    assert done.returncode == 0, done.stderr
    assert home.moved()


def test_an_upper_case_fingerprint_is_the_same(home: Home, tmp_path: Path) -> None:
    arguments = home.arguments("--yes", "--from", str(home.path / ".env"), "--from", str(tmp_path / "notes"))
    (tmp_path / "notes").write_text(home.old)
    arguments[4] = arguments[4].upper()
    done = subprocess.run(
        arguments, input=home.new, env=home.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"invalid copies left in {tmp_path}/notes" in done.stderr


@pytest.mark.parametrize("mode", ["planned", "breach"])
def test_a_new_value_that_is_missing_or_wrong_is_noticed_before_anything_is_revoked(home: Home, mode: str) -> None:
    mint = Mint(81)
    for given, words in (
        (home.old, "stdin has 0 values besides the old one"),
        (f"{home.old}\n{home.new}\n{mint.user_token()}", "stdin has 2 values besides the old one"),
        (f"{home.old}\nnot-a-token", "not a Hugging Face credential"),
    ):
        done = home.run("--yes", "--mode", mode, given=given)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
    assert home.old in home.double.world.tokens
    assert not home.moved()


@pytest.mark.parametrize("mode", ["planned", "breach"])
def test_a_value_that_could_not_be_kept_is_noticed_before_anything_is_revoked(home: Home, mode: str) -> None:
    home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    done = home.run("--yes", "--mode", mode, "--keep-in-keyring")
    assert done.returncode == 1, done.stderr
    assert "no secure keyring" in done.stderr
    assert home.old in home.double.world.tokens
    assert not home.moved()


@posix_only
def test_a_breach_names_the_file_that_can_not_be_changed_before_it_revokes(home: Home) -> None:
    os.link(home.path / ".env", home.path / "copy")
    done = home.run("--yes", "--mode", "breach")
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    told = next(i for i, line in enumerate(lines) if "can't be updated yet" in line and "several hard links" in line)
    assert told < next(i for i, line in enumerate(lines) if "Revoke the old token now" in line)
    assert home.old not in home.double.world.tokens
    (home.path / "copy").unlink()
    assert home.run("--yes", "--mode", "breach").returncode == 0
    assert home.moved()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_record_that_can_not_be_written_is_printed(home: Home) -> None:
    done = home.run("--yes", "--record", "/dev/full")
    assert done.returncode == 2
    assert "can't write to /dev/full" in done.stderr
    assert "Verify the revocation" in done.stdout
    assert home.moved()


@posix_only
def test_a_rotation_goes_on_where_nobody_reads_its_messages(home: Home) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        home.arguments("--yes"), input=f"{home.new}\n{home.old}\n".encode(), env=home.environment,
        stdout=subprocess.DEVNULL, stderr=writer, timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 0
    assert home.moved()


def test_killed_in_the_middle_it_goes_on(home: Home) -> None:
    """A real SIGKILL as soon as the first consumer has moved."""
    with subprocess.Popen(
        home.arguments("--yes"), stdin=subprocess.PIPE, env=home.environment, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"{home.old}\n{home.new}\n".encode())
        process.stdin.close()
        deadline = time.monotonic() + 60
        while (
            home.new not in (home.path / ".env").read_text() and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.005)
        process.kill()
    done = home.run("--yes")
    assert done.returncode == 0, done.stderr
    assert home.moved()
    assert home.old not in home.double.world.tokens


def test_stopped_at_a_step_it_says_so_and_touches_nothing_after(home: Home) -> None:
    done = home.run("--yes", "--consumer", f"dotenv:{home.path}/nowhere")
    assert done.returncode == 1
    assert "does not exist" in done.stderr
    assert not home.moved()
    assert home.old in home.double.world.tokens


def test_two_new_values_are_one_too_many(home: Home) -> None:
    done = home.run("--yes", given=f"{home.old}\n{home.new}\n{Mint(81).user_token()}\n")
    assert done.returncode == 2
    assert "exactly one" in done.stderr
    assert not home.moved()


@pytest.mark.parametrize(
    "left", ["OTHER_TOKEN={}\n", "REMOTE=https://me:{}@huggingface.co/a/b\n", 'CONFIG={{"token": "{}"}}\n', "# {}\n"]
)
def test_a_copy_beside_the_variable_stops_it_before_anything_is_revoked(home: Home, left: str) -> None:
    path = home.path / ".env"
    path.write_text(f"HF_TOKEN={home.old}\n{left.format(home.old)}")
    done = home.run("--yes")
    assert done.returncode == 1
    assert f"old value found in {path}:2" in done.stderr
    assert home.old in home.double.world.tokens
    assert home.double.world.revoked == []
    assert path.read_text() == f"HF_TOKEN={home.new}\n{left.format(home.old)}"
    path.write_text(f"HF_TOKEN={home.new}\n")
    done = home.run("--yes")
    assert done.returncode == 0, done.stderr
    assert home.old not in home.double.world.tokens


def test_every_user_name_of_git_moves_and_other_repositories_keep_theirs(home: Home) -> None:
    other = Mint(82).user_token()
    (home.path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    kept = f"https://me:{other}@huggingface.co/org/private\nhttps://me:{other}@example.org\n"
    users = ("me", "me%40home", "hf_user")
    held = "".join(f"https://{user}:{{0}}@huggingface.co{'/a/b' if '%' in user else ''}\n" for user in users)
    (home.path / ".git-credentials").write_text(held.format(home.old) + kept)
    done = home.run("--yes", "--consumer", "git-credential:https://huggingface.co")
    assert done.returncode == 0, done.stderr
    assert (home.path / ".git-credentials").read_text() == held.format(home.new) + kept
    assert home.old not in home.double.world.tokens


def test_a_git_credential_of_another_host_stops_it_before_anything_is_revoked(home: Home) -> None:
    (home.path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    store = home.path / ".git-credentials"
    store.write_text(f"https://me:{home.old}@huggingface.co\nhttps://me:{home.old}@hf.co\n")
    arguments = ("--yes", "--consumer", "git-credential:https://huggingface.co")
    done = home.run(*arguments)
    assert done.returncode == 1
    assert f"{store}:2" in done.stderr
    assert home.double.world.revoked == []
    done = home.run(*arguments, "--consumer", "git-credential:https://hf.co")
    assert done.returncode == 0, done.stderr
    assert store.read_text() == f"https://me:{home.new}@huggingface.co\nhttps://me:{home.new}@hf.co\n"


def test_a_dry_run_names_every_place_of_the_old_value(home: Home) -> None:
    (home.path / ".env").write_text(f"HF_TOKEN={home.old}\nOTHER_TOKEN={home.old}\n")
    done = home.run("--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"{home.path}/.env:1, {home.path}/.env:2" in done.stderr


def test_a_home_folder_can_be_written_as_a_tilde(home: Home) -> None:
    (home.path / ".netrc").write_text(f"machine huggingface.co login me password {home.old}\n")
    done = home.run("--yes", "--consumer", "dotenv:~/.env", "--consumer", "netrc")
    assert done.returncode == 0, done.stderr
    assert (home.path / ".netrc").read_text() == f"machine huggingface.co login me password {home.new}\n"
