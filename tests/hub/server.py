"""HTTP on loopback for the double: records every request, plays scripted faults, else asks the routes."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.hub.faults import JSON, Fault

_DRIPS = 2000


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `token` is the bearer or basic-auth credential, None for an anonymous one."""

    method: str
    path: str
    query: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str | None:
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return value
        if kind == "Basic":
            return base64.b64decode(value).decode().partition(":")[2]
        return None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What the routes answer. A `stream` comes instead of the body: bytes to send, and pauses in seconds."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    stream: Iterator[bytes | float] | None = None


def reply(body: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(body).encode(), {"Content-Type": JSON, **headers})


class Server(ThreadingHTTPServer):
    """The listening part of the double; `routes` turns a request into a response."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, routes: Callable[[Request], Response]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket.settimeout(0)  # a connection that is gone when it is to be accepted would stop the server
        self.routes = routes
        self.requests: list[Request] = []
        self.faults: list[tuple[re.Pattern[str], Iterator[Fault]]] = []
        self.extra_headers: Callable[[Request], Mapping[str, str]] = lambda _request: {}
        self.closing = threading.Event()
        self._lock = threading.Lock()

    def next_fault(self, request: Request) -> Fault | None:
        """Records the request and takes the fault that is due for it."""
        with self._lock:
            self.requests.append(request)
            for pattern, faults in self.faults:
                if pattern.search(request.path):
                    due = next(faults, None)
                    if due is not None:
                        return due
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # an answer in one segment: two would wait for each other's acknowledgement
    disable_nagle_algorithm = True
    server: Server

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        request = self._request()
        fault = self.server.next_fault(request)
        if fault is None:
            answer = self.server.routes(request)
            headers = {**self.server.extra_headers(request), **(answer.headers or {})}
            if answer.stream is None:
                self._send(answer.status, headers, answer.body)
            else:
                self._stream(answer.status, headers, answer.stream)
        else:
            self._play(fault)
        self.wfile.flush()

    def _request(self) -> Request:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(
            self.command, unquote(url.path), dict(parse_qsl(url.query)), url.query, headers, self._body(headers)
        )

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", "0")))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, *, promised: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, status: int, headers: Mapping[str, str], stream: Iterator[bytes | float]) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Transfer-Encoding": "chunked", "Date": self.date_time_string()}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        for piece in stream:
            if isinstance(piece, bytes):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            elif self.server.closing.wait(piece):
                return
        self.wfile.write(b"0\r\n\r\n")

    def _play(self, fault: Fault) -> None:
        headers = {"Content-Type": JSON, **fault.headers}
        if fault.behaviour == "answer":
            self._send(fault.status, headers, fault.body)
            return
        self.close_connection = True
        if fault.behaviour == "reset":
            # A linger of zero turns the close into a TCP reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.connection.close()
        elif fault.behaviour == "truncate":
            self._send(fault.status, headers, fault.body, promised=len(fault.body) + 100)
        elif fault.behaviour == "drip-body":
            self._send(fault.status, headers, b"", promised=_DRIPS)
            self.wfile.flush()
            self._drip(b" ", fault.pause)
        elif fault.behaviour == "drip-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            self.wfile.flush()
            self._drip(b"z", fault.pause)
        else:
            self.server.closing.wait(fault.pause * _DRIPS)

    def _drip(self, byte: bytes, pause: float) -> None:
        for _ in range(_DRIPS):
            if self.server.closing.wait(pause):
                return
            self.wfile.write(byte)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """The double keeps quiet."""


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Waits for something that happens on another thread."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
