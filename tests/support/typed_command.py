"""A program `tokenaudit` for a shell in a test, which runs the command in a fork of a loaded process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import fork_server
from tests.support.fork_server import ForkServer
from tests.support.sockets import accepting

_CLIENT = """\
#!{python} -ISs
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode("utf-8", "surrogateescape")
server.sendall(len(request).to_bytes(8, "big") + request)
socket.send_fds(server, [b"."], [0, 1, 2])
answer = server.makefile("rb").readline().strip()
if answer == b"start":  # a fork would behave differently
    os.execv({program!r}, [{program!r}, *sys.argv[1:]])
code = int(answer)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
_SERVER = ForkServer()


@contextlib.contextmanager
def typed_command(folder: Path) -> Iterator[None]:
    """Puts `tokenaudit` into `folder` for as long as the context lasts.

    With `TOKENAUDIT_TEST_NO_FORK` it is the installed program.
    """
    program = Path(sys.executable).parent / "tokenaudit"
    if not hasattr(os, "fork") or "TOKENAUDIT_TEST_NO_FORK" in os.environ:
        (folder / "tokenaudit").symlink_to(program)
        yield
        return
    home = Path(tempfile.mkdtemp(prefix="ta"))  # the path of a socket is limited to about 100 characters
    address = str(home / "s")
    client = folder / "tokenaudit"
    client.write_text(_CLIENT.format(python=sys.executable, address=address, program=str(program)))
    client.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(address)
        listening.listen()
        with accepting(_serve, listening):
            yield
    finally:
        listening.close()
        shutil.rmtree(home)


def _serve(client: socket.socket) -> None:
    with client:
        request = _exactly(client, int.from_bytes(_exactly(client, 8), "big"))
        _, streams, _, _ = socket.recv_fds(client, 1, 3)
        _, environment, _ = json.loads(request.decode("utf-8", "surrogateescape"))
        if not fork_server.usable(environment):
            for each in streams:
                os.close(each)
            client.sendall(b"start\n")
            return
        with _SERVER.start(request, streams) as here, here.makefile("rb") as answers:
            answers.readline()
            client.sendall(answers.readline())


def _exactly(connection: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            message = "the client has gone"
            raise ConnectionError(message)
        read += part
    return read
