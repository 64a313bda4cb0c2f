"""Bare sockets that answer a program under test."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def accepting(
    serve: Callable[[socket.socket], None], listening: socket.socket | None = None
) -> Iterator[tuple[str, int]]:
    """Call `serve` with each connection, in a thread; the address to connect to.

    The thread that accepts has ended when this has: `accept` in a thread goes on after `close` in another one, and the
    system restarts it after an interruption by the number of the file, which can be a later test's server by then. It
    would take connections of that test.
    """
    server = listening or socket.create_server(("127.0.0.1", 0))

    def loop() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # shut down
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=loop, daemon=True)
    with server:
        address = server.getsockname()
        thread.start()
        try:
            yield address
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError), socket.socket(server.family) as waking:
                waking.connect(address)  # where a shutdown doesn't wake the thread
            thread.join(10)
    assert not thread.is_alive()
