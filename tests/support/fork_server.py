"""Runs commands in forks of a process that has the modules loaded: a fifth of what starting Python each time costs.

A fork is a process of its own: arguments, variables, folder, standard streams, signals and exit code are those of a
new process. Modules that read variables when they are imported (huggingface_hub, GitPython, keyring) are not loaded
here; `usable` is False where the interpreter itself would start differently.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LOADED = (
    "typer", "rich.console", "rich.text", "yaml", "msgspec", "msgspec.json", "hyperscan", "sqlalchemy", "jinja2",
    "sqlalchemy.dialects.sqlite", "detect_secrets.core.scan", "detect_secrets.settings", "detect_secrets.core.baseline",
    "deflate", "dulwich.pack", "tokenaudit.cli.app", "tokenaudit.cli.scan", "tokenaudit.detect.scanner",
    "tokenaudit.git.object_reader", "tokenaudit.report.json", "tokenaudit.report.text", "tokenaudit.report.markdown",
    "tokenaudit.report.html", "tokenaudit.report.sarif", "tokenaudit.ci.audit", "tokenaudit.policy.evaluate",
)  # fmt: skip

_START = ("LC_", "LANG", "PYTHON", "TYPER_", "LD_", "COVERAGE", "MALLOC_")
"""Beginnings of the names of variables that are read when Python or a loaded module starts."""

_AT_RUN_TIME = frozenset({"PYTHON_KEYRING_BACKEND"})
_REQUEST = 1 << 20


def usable(environment: Mapping[str, str]) -> bool:
    """Whether a fork of this process's server behaves as a new process with these variables would."""

    def at_start(variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: value
            for name, value in variables.items()
            if name.startswith(_START) and name not in _AT_RUN_TIME | {"PYTHONDONTWRITEBYTECODE"}
        }

    return hasattr(os, "fork") and at_start(environment) == at_start(os.environ)


class ForkServer:
    """The server of this test process; started with the first command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: str, stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """The exit code (negative for a signal), stdout and stderr of `python -m tokenaudit ARGUMENTS`.

        Raises:
            subprocess.TimeoutExpired: it did not end in `timeout` seconds, and was killed.
        """
        fed, given = os.pipe(), os.pipe()
        errors = os.pipe()
        request = json.dumps([list(arguments), dict(environment), folder]).encode("utf-8", "surrogateescape")
        here = self.start(request, (fed[0], given[1], errors[1]))
        read: dict[str, bytes] = {}
        threads = [
            threading.Thread(target=_write, args=(fed[1], stdin), daemon=True),
            threading.Thread(target=_read, args=(given[0], "out", read), daemon=True),
            threading.Thread(target=_read, args=(errors[0], "err", read), daemon=True),
        ]
        for thread in threads:
            thread.start()
        with here, here.makefile("rb") as answers:
            pid = int(answers.readline())
            here.settimeout(timeout)
            try:
                code = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout) from None
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return code, read.get("out", b""), read.get("err", b"")

    def start(self, request: bytes, streams: Sequence[int]) -> socket.socket:
        """Starts a command with these standard streams, which are closed here.

        `request` is JSON with the arguments, the variables and the folder. The socket gives two lines: the process id,
        then the exit code (negative for a signal).
        """
        here, there = socket.socketpair()
        with self._lock:
            server = self._connected()
            server.sendall(len(request).to_bytes(8, "big"))
            server.sendall(request)
            socket.send_fds(server, [b"."], [*streams, there.fileno()])
        for each in streams:
            os.close(each)
        there.close()
        return here

    def _connected(self) -> socket.socket:
        if self._socket is None:
            here, there = socket.socketpair()
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", str(there.fileno())],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).resolve().parents[2],
            )
            there.close()
            self._socket = here
            atexit.register(_stop, here, process)
        return self._socket


def _stop(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    process.wait(30)


def _write(descriptor: int, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as stream:
        stream.write(content)


def _read(descriptor: int, name: str, into: dict[str, bytes]) -> None:
    with open(descriptor, "rb") as stream:
        into[name] = stream.read()


def _serve(connection: socket.socket) -> tuple[list[str], dict[str, str], str]:
    """Returns in each fork, with what it is to run; ends the server when the test process has gone."""
    running: dict[int, socket.socket] = {}

    def report(*_: object) -> None:
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                with running.pop(pid) as answers, contextlib.suppress(OSError):
                    answers.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGCHLD, report)
    while True:
        head = _exactly(connection, 8)
        request = _exactly(connection, int.from_bytes(head, "big"))
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 4)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        answers = socket.socket(fileno=descriptors.pop())
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            connection.close()
            for other in (answers, *running.values()):
                other.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # as Python does at its start
                stream = _reopened(getattr(sys, name), mode)
                setattr(sys, name, stream)
                setattr(sys, f"__{name}__", stream)
            arguments, environment, folder = json.loads(request.decode("utf-8", "surrogateescape"))
            return arguments, environment, folder
        for descriptor in descriptors:
            os.close(descriptor)
        running[pid] = answers
        answers.sendall(b"%d\n" % pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _reopened(stream: Any, mode: str) -> Any:
    """A new stream on the descriptor of `stream`, which can be seekable or not."""
    opened: Any = open(stream.fileno(), mode, encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
    opened.reconfigure(line_buffering=stream.line_buffering, write_through=stream.write_through)
    return opened


def _exactly(connection: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = connection.recv(min(size - len(read), _REQUEST))
        if not part:
            os._exit(0)
        read += part
    return read


def _main(descriptor: int) -> NoReturn:
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    arguments, environment, folder = _serve(socket.socket(fileno=descriptor))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = ["tokenaudit", *arguments]
    sys.modules.pop("tests.support.fork_server", None)
    runpy.run_module("tokenaudit", run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
