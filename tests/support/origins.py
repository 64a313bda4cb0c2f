"""HTTP servers on loopback that answer as a test says, and note every request that reaches them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request: method, path with query, and headers by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer. `cut` bytes of the promised body are not sent."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


Answer = Callable[[Seen], Reply]


@dataclass
class Origin:
    """A running server."""

    url: str
    port: int
    requests: list[Seen]
    answer: Answer


def as_json(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; underscores in header names are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


@contextmanager
def origin(answer: Answer, host: str = "127.0.0.1") -> Iterator[Origin]:
    """A server on a port of its own."""
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Seen(self.command, self.path, headers, self.rfile.read(length))
            seen.append(request)
            reply = made.answer(request)
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            if reply.cut:
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_CONNECT = _serve  # noqa: N815 - http.server's

        def log_message(self, *_arguments: object) -> None:
            """Nothing: tests read `requests`."""

    server = ThreadingHTTPServer((host, 0), Handler)
    port = server.server_address[1]
    made = Origin(f"http://{host}:{port}", port, seen, answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
