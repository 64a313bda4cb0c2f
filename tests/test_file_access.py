"""No file of a scanned place, and no argument, holds up or fills the program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import typer

from tests.support.cli import environment
from tests.support.mint import Mint
from tokenaudit import exit_codes, file_access
from tokenaudit.cli import errors
from tokenaudit.cli.app import build
from tokenaudit.cli.command_line import invoke
from tokenaudit.file_access import NotRegularError, TooLargeError, open_regular, read_argument, read_regular

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")


def run_app(app: typer.Typer, arguments: list[str]) -> int:
    return errors.run(partial(invoke, app, arguments))


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
    return path


def linked(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: fifo(folder / "p"), "a named pipe"),
        (lambda folder: bound(folder / "s"), "a socket"),
        (lambda _: Path("/dev/zero"), "a device"),
        (lambda folder: linked(folder / "l", Path("/dev/zero")), "a device"),
        (lambda folder: linked(folder / "l", fifo(folder / "p")), "a named pipe"),
        (lambda folder: folder, "a folder"),
    ],
)
def test_only_regular_files_are_opened(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    path = make(tmp_path)
    for read in (read_regular, open_regular):
        with pytest.raises(NotRegularError) as caught:
            read(path)
        assert said in (caught.value.strerror or "")


def test_a_link_is_followed_only_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    link = linked(tmp_path / "l", tmp_path / "a")
    assert read_regular(link) == b"text"
    with pytest.raises(NotRegularError, match="a symbolic link"):
        read_regular(link, follow=False)


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    linked(tmp_path / "a", tmp_path / "b")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(linked(tmp_path / "b", tmp_path / "a"))


def test_the_largest_size_holds_for_sparse_and_for_endless_files(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLargeError):
        read_regular(sparse)
    with pytest.raises(TooLargeError):
        read_argument("/dev/zero", most=1 << 20)
    exact = tmp_path / "exact"
    exact.write_bytes(b"12345")
    assert read_regular(exact, most=5) == b"12345"
    with pytest.raises(TooLargeError):
        read_regular(exact, most=4)


def test_a_file_that_lies_about_its_size_is_read_whole() -> None:
    assert b"Name:" in read_regular("/proc/self/status")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_access, "NO_WRITER_SECONDS", 0.1)
    monkeypatch.setattr(file_access, "SILENT_WRITER_SECONDS", 0.3)


@pytest.mark.usefixtures("impatient")
def test_a_pipe_without_a_writer_or_with_a_silent_one_is_given_up(tmp_path: Path) -> None:
    pipe = fifo(tmp_path / "p")
    with pytest.raises(TimeoutError, match="not opened for writing"):
        read_argument(pipe)
    writer = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(TimeoutError, match="no data"):
            read_argument(pipe)
        os.write(writer, b"half")
        with pytest.raises(TimeoutError, match="no data"):
            read_argument(pipe)
    finally:
        os.close(writer)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = fifo(tmp_path / "p")
    content = os.urandom(3 << 20)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert read_argument(pipe) == content


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "PIPE"],
        ["plan", "PIPE"],
        ["scan", "PLACE", "--baseline", "PIPE"],
        ["scan", "PLACE", "--baseline", "PIPE", "--update-baseline"],
        ["scan", "PLACE", "--plugin", "PIPE"],
        ["scan", "PLACE", "--output", "PIPE"],
        ["incident", "platform-2026-07", "--report", "PIPE"],
        ["sweep", "--from-file", "PIPE"],
    ],
    ids=" ".join,
)
def test_a_command_given_a_pipe_without_an_other_end_says_so(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    pipe = fifo(tmp_path / "pipe")
    place = tmp_path / "place"
    place.mkdir()
    named = {"PIPE": str(pipe), "PLACE": str(place)}
    assert run_app(build(complete=True), [named.get(each, each) for each in arguments]) == exit_codes.USAGE
    said = capsys.readouterr().err
    assert str(pipe) in said
    assert "not opened" in said


def test_standard_input_and_process_substitution_work_where_a_file_is_named(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    token = Mint(1).user_token()
    (place / "a").write_text(token)
    command = [sys.executable, "-m", "tokenaudit"]
    variables = environment(tmp_path)
    made = subprocess.run([*command, "scan", place, "-f", "json"], env=variables, capture_output=True, check=False)
    for name in ("report", "plan"):
        done = subprocess.run(
            [*command, name, "/dev/stdin"], input=made.stdout, env=variables, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"hf_****" in done.stdout
        script = f'"$0" -m tokenaudit {name} <(cat "$1")'
        (tmp_path / "report.json").write_bytes(made.stdout)
        done = subprocess.run(
            ["bash", "-c", script, sys.executable, tmp_path / "report.json"],
            env=variables,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    script = '"$0" -m tokenaudit scan "$1" -o >(cat >"$2"); sleep 1'
    out = tmp_path / "out"
    subprocess.run(["bash", "-c", script, sys.executable, place, out], env=variables, check=False)
    assert b"hf_****" in out.read_bytes()
