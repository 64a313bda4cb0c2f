"""Servers that never get to an end, or send what never gets unpacked: stopped, reported, and the audit goes on."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.gitrepo import GitRepo
from tests.support.hostile import BLOB, MIB, REF_DELTA
from tests.support.mint import Mint
from tests.support.sockets import accepting
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.git import transfer
from tokenaudit.git.clone import NoRoomError, cloned, mirrored, remote_refs
from tokenaudit.git.command import GitError, GitLimitError, git
from tokenaudit.git.transfer import TransferLimits
from tokenaudit.interfaces import NullProgress

Serve = Callable[[bytes, socket.socket], None]

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-git-upload-pack-%s\r\n\r\n"


def packet(content: bytes) -> bytes:
    return b"%04x" % (len(content) + 4) + content


def advertisement(tip: str) -> bytes:
    line = f"{tip} refs/heads/main\0side-band-64k ofs-delta no-progress\n".encode()
    return packet(b"# service=git-upload-pack\n") + b"0000" + packet(line) + b"0000"


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A server on loopback that gives each request to `serve`; its URL."""

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                request = connection.recv(1 << 16)
                while b"\r\n\r\n" not in request or (request.startswith(b"POST") and b"done" not in request):
                    part = connection.recv(1 << 16)
                    if not part:
                        break
                    request += part
                serve(request, connection)
            except OSError:
                return  # the client has gone

    with accepting(answer) as (_, port):
        yield f"http://127.0.0.1:{port}/acme/m"


def drip(_request: bytes, connection: socket.socket) -> None:
    """A byte now and then, for ever."""
    connection.sendall(HEAD % b"advertisement")
    while True:
        connection.sendall(b"0")
        time.sleep(0.02)


def silence(_request: bytes, connection: socket.socket) -> None:
    connection.recv(1)


def chatter(request: bytes, connection: socket.socket) -> None:
    """Progress messages without end."""
    if request.startswith(b"GET"):
        connection.sendall(HEAD % b"advertisement" + advertisement("1" * 40))
        return
    connection.sendall(HEAD % b"result" + packet(b"NAK\n"))
    while True:
        connection.sendall(packet(b"\2Resolving deltas: 1% (1/100)\rReceiving objects: 1% (1/100)\r"))
        time.sleep(0.02)


def sends(pack: bytes) -> Serve:
    """A pack, whole."""

    def serve(request: bytes, connection: socket.socket) -> None:
        if request.startswith(b"GET"):
            connection.sendall(HEAD % b"advertisement" + advertisement("1" * 40))
            return
        connection.sendall(HEAD % b"result" + packet(b"NAK\n"))
        for at in range(0, len(pack), 60_000):
            connection.sendall(packet(b"\1" + pack[at : at + 60_000]))
        connection.sendall(b"0000")

    return serve


def exploding(folder: Path, deltas: int, size: int) -> bytes:
    """A pack of `deltas` objects of `size` bytes, all made of one megabyte."""
    packed, _ = hostile.zeros(MIB)
    name = hashlib.sha1(b"blob %d\0" % MIB + bytes(MIB)).digest()  # noqa: S324 - git's
    entries = [(name, hostile.entry(BLOB, MIB, packed))]
    for each in range(deltas):
        delta = hostile.copies(MIB, size, each.to_bytes(4, "big"))
        made = hostile.entry(REF_DELTA, len(delta), zlib.compress(delta), name)
        entries.append((hashlib.sha1(b"%d" % each).digest(), made))  # noqa: S324 - git's
    hostile.write_pack(folder, entries)
    (pack,) = folder.glob("*.pack")
    return pack.read_bytes()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def lower(**values: float) -> None:
        monkeypatch.setattr(transfer, "LIMITS", TransferLimits(**values))  # type: ignore[arg-type]

    return lower


def refused(url: str) -> str:
    with pytest.raises(GitLimitError) as caught, cloned(url, NullProgress()):
        pass
    return str(caught.value)


@pytest.mark.parametrize("serve", [drip, chatter])
def test_a_server_that_goes_on_for_ever(serve: Serve, limits: Callable[..., None]) -> None:
    limits(setup=0.7)
    with server(serve) as url:
        assert "bytes in 1 seconds" in refused(url)


def test_a_server_that_sends_nothing(limits: Callable[..., None]) -> None:
    limits(silent=0.5)
    with server(silence) as url:
        assert "sent nothing" in refused(url)
        with pytest.raises(GitLimitError):
            remote_refs(url)


def test_a_pack_that_takes_long_to_unpack(limits: Callable[..., None], tmp_path: Path) -> None:
    limits(unpacking=0.3)
    with server(sends(exploding(tmp_path, 400, 12 * MIB))) as url:
        assert "unpacking took more than" in refused(url)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux only")
def test_a_pack_that_takes_much_memory(limits: Callable[..., None], tmp_path: Path) -> None:
    limits(memory=64 * MIB)
    with (
        server(sends(exploding(tmp_path, 1, 96 * MIB))) as url,
        pytest.raises(GitError, match="out of memory"),
        cloned(url, NullProgress()),
    ):
        pass


def test_a_disk_that_is_nearly_full(limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    limits(setup=30)
    monkeypatch.setattr(transfer, "_LEAST_FREE", 1)
    with server(chatter) as url, pytest.raises(NoRoomError), cloned(url, NullProgress()):
        pass


def test_a_kept_mirror_survives(limits: Callable[..., None], tmp_path: Path) -> None:
    """It is not made anew: that would take as long, and what is there is good."""
    made = GitRepo(tmp_path / "repo")
    made.commit("one", {"a.txt": "a\n"})
    mirror = tmp_path / "mirror.git"
    with mirrored(f"file://{made.path}", mirror, NullProgress()):
        pass
    limits(setup=0.7)
    for serve in (drip, chatter):
        with server(serve) as url, pytest.raises(GitLimitError), mirrored(url, mirror, NullProgress()):
            pass
        assert git("rev-parse", "refs/heads/main", git_dir=mirror).decode().strip() == made.head()


def test_no_process_is_left(limits: Callable[..., None]) -> None:
    limits(setup=0.7)
    closed = threading.Event()

    def serve(request: bytes, connection: socket.socket) -> None:
        try:
            drip(request, connection)
        finally:
            closed.set()

    with server(serve) as url:
        refused(url)
        assert closed.wait(10)


def test_the_rest_of_the_audit_goes_on(limits: Callable[..., None], tmp_path: Path) -> None:
    leak = tmp_path / "leak.txt"
    leak.write_text(f"key = {Mint(71).user_token()}\n")
    limits(setup=0.7)
    with server(chatter) as url:
        report = scan([url, str(leak)], auditor=Auditor(jobs=1)).report
    assert len(report.credentials) == 1
    assert not report.complete
    assert [(each.where, "git was stopped" in each.reason) for each in report.skipped] == [(url, True)]
