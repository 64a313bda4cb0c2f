"""Guards around huggingface_hub's HTTP session: origin, time, size, and error messages.

The library's client has no timeout of its own, follows redirects to any origin and raises exceptions that contain the
request and its bearer token. The guards below use its documented event hooks, act only during calls of tokenaudit
(other uses of the library in a host program are unaffected), and record results as plain data.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from queue import Empty, SimpleQueue
from typing import Protocol, TypeAlias, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from tokenaudit.errors import EndpointError
from tokenaudit.hub.endpoint import origin, resolve_endpoint
from tokenaudit.hub.result import ErrorKind
from tokenaudit.text import shorten

_LOG = logging.getLogger(__name__)

LARGEST_BODY = 32 * 1024 * 1024
_LARGEST_ERROR_TEXT = 2000
_ALLOWED_HEADERS = ("ratelimit", "retry-after", "x-error-message", "x-error-code")
_SERVER_ERROR = 500
_TOO_MANY = 429
_FIRST_ERROR = 400
_REDIRECT = 300

PAGE_INSTEAD = "the response is a web page instead of data"


def is_page(content_type: str | None) -> bool:
    """Return whether a `Content-Type` is that of a web page, which the API never returns."""
    return (content_type or "").partition(";")[0].strip().lower() in {"text/html", "application/xhtml+xml"}


class Sent(Protocol):
    """Attributes of a request that the guards use, for both HTTP backends of huggingface_hub."""

    url: object
    headers: MutableMapping[str, str]
    extensions: Mapping[str, object]


class Received(Protocol):
    """Attributes of a response that the guards use."""

    url: object
    headers: MutableMapping[str, str]
    status_code: int
    stream: object

    @property
    def is_redirect(self) -> bool:
        """Whether the status is a redirect."""

    def read(self) -> bytes:
        """Read the whole body."""


class ByteStream(Protocol):
    """A streamed body."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Release the connection."""


class _Hooked(Protocol):
    event_hooks: Mapping[str, Sequence[object]]


ClientT = TypeVar("ClientT")


class RequestAborted(Exception):  # noqa: N818 - a guard aborts a call; not a program error
    """A guard aborted the call; contains plain data only."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message


@dataclass
class Call:
    """The current call of this thread and the state of its latest response.

    `timeout` is the maximum wait for any single byte, in seconds; `ends` a `time.monotonic()` after which nothing more
    is read; `largest` the maximum size of a body in bytes.
    """

    endpoint: str
    timeout: float
    ends: float
    largest: int = LARGEST_BODY
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error_text: str = ""
    asks_api: bool | None = None
    """Whether the first request was to the API, which returns data; None before it."""

    def on_request(self, request: Sent) -> None:
        """Allow a request only to the Hub's own origin, with timeouts; redirects must not leave the API."""
        self.status = None
        is_api = urlsplit(str(request.url)).path.startswith(f"{urlsplit(self.endpoint).path.rstrip('/')}/api/")
        if self.asks_api is None:
            self.asks_api = is_api
        if origin(str(request.url)) != origin(self.endpoint):
            raise RequestAborted(kind="redirect", message="the Hub redirected to another host; nothing was sent there")
        if self.asks_api and not is_api:
            raise RequestAborted(kind="redirect", message="the Hub redirected to a page; nothing was sent there")
        self.check()
        wait = min(self.timeout, max(self.ends - time.monotonic(), 0.01))
        request.extensions = {
            **request.extensions,
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), wait),
        }
        # A compressed body could expand to any size after the guard has checked its bytes.
        request.headers["accept-encoding"] = "identity"
        # The client is shared by all credentials: a cookie set for one must not be sent with another.
        if "cookie" in request.headers:
            del request.headers["cookie"]

    def on_response(self, response: Received) -> None:
        """Record status and limits, limit the body size, and read the error message of a refusal."""
        self.status = response.status_code
        _LOG.info("the Hub answered %s to %s", response.status_code, urlsplit(str(response.url)).path)
        self.headers = {name: response.headers[name] for name in _ALLOWED_HEADERS if name in response.headers}
        response.stream = _bounded(cast("ByteStream", response.stream), self)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestAborted(kind="malformed", message="the response is compressed against the request")
        target = response.headers.get("location")
        if response.is_redirect and target and origin(urljoin(str(response.url), target)) != origin(self.endpoint):
            raise RequestAborted(kind="redirect", message="the Hub redirected to another host; nothing was sent there")
        if self.asks_api and response.status_code < _REDIRECT and is_page(response.headers.get("content-type")):
            # A captive portal, login or maintenance page: many calls treat any 2xx as a success.
            raise RequestAborted(kind="malformed", message=PAGE_INSTEAD)
        # The library would sleep and retry; retries are left to the bounded loop of `send_with_retries`.
        if response.status_code == _TOO_MANY:
            raise RequestAborted(kind="limited", message="rate limit of the Hub reached")
        if response.status_code >= _SERVER_ERROR:
            raise RequestAborted(kind="server", message=f"the Hub returned status {response.status_code}")
        if response.status_code >= _FIRST_ERROR:
            self.error_text = self.headers.get("x-error-message") or _error_words(response.read())

    def check(self, size: int = 0) -> None:
        """Abort the call if its time is up or its body is too large."""
        if time.monotonic() > self.ends:
            raise RequestAborted(kind="timeout", message="the response took too long")
        if size > self.largest:
            raise RequestAborted(kind="oversized", message=f"the response is larger than {self.largest >> 20} MiB")


class _Current(threading.local):
    call: Call | None = None


_current = _Current()
_lock = threading.Lock()
_installed = False


def begin(call: Call) -> None:
    """Set `call` as the guarded call of this thread."""
    _install()
    _current.call = call


def end() -> None:
    """End the guarded call of this thread."""
    _current.call = None


def _install() -> None:
    global _installed  # noqa: PLW0603 - huggingface_hub has one client factory per process
    with _lock:
        if _installed:
            return
        with _usable_endpoint_variable():
            from huggingface_hub import constants  # noqa: PLC0415 - a third of a second to import
            from huggingface_hub.utils import _http as http  # noqa: PLC0415 - as above

        http.set_client_factory(lambda: _armed(http.default_client_factory()))
        # Otherwise building headers for the first request sends an unwanted request to the Hub.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        # With HF_DEBUG this logger prints request bodies, including a Space's new secret.
        logging.getLogger("huggingface_hub.utils._http").setLevel(logging.CRITICAL)
        _installed = True


@contextmanager
def _usable_endpoint_variable() -> Iterator[None]:
    """Hide an `HF_ENDPOINT` that the library can't parse when it is imported.

    Calls of tokenaudit never use the library's default: they pass the URL that `resolve_endpoint` has checked.
    """
    value = os.environ.get("HF_ENDPOINT")
    try:
        usable = value is None or resolve_endpoint(value) == value.rstrip("/")
    except EndpointError:
        usable = False
    if usable or value is None:
        yield
        return
    del os.environ["HF_ENDPOINT"]
    try:
        yield
    finally:
        os.environ["HF_ENDPOINT"] = value


def _error_words(body: bytes) -> str:
    """Return the message of a JSON error body; empty for HTML or anything else."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "(no message from the Hub)"
    words = parsed.get("error") if isinstance(parsed, dict) else None
    return shorten(words, _LARGEST_ERROR_TEXT) if isinstance(words, str) else "(no message from the Hub)"


def _armed(client: ClientT) -> ClientT:
    hooked = cast("_Hooked", client)
    hooks = hooked.event_hooks
    hooked.event_hooks = {
        "request": [*hooks["request"], _request_hook],
        "response": [*hooks["response"], _response_hook],
    }
    return client


def _request_hook(request: Sent) -> None:
    if _current.call is not None:
        _current.call.on_request(request)


def _response_hook(response: Received) -> None:
    if _current.call is not None:
        _current.call.on_response(response)


def _bounded(stream: ByteStream, call: Call) -> object:
    """Return `stream` with the call's limits checked for every chunk."""
    return _bounded_stream(type(stream).__module__.partition(".")[0])(stream, call)


@cache
def _bounded_stream(backend: str) -> Callable[[ByteStream, Call], object]:
    """Return the class of bounded bodies: a stream of the library's HTTP backend."""
    base: type = sys.modules[backend].SyncByteStream

    class BoundedStream(base):  # type: ignore[misc]  # the backend is determined at run time
        def __init__(self, stream: ByteStream, call: Call) -> None:
            self._stream, self._call = stream, call

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._stream:
                size += len(chunk)
                self._call.check(size)
                yield chunk

        def close(self) -> None:
            self._stream.close()

    return BoundedStream


ResultT = TypeVar("ResultT")
_Calls: TypeAlias = "SimpleQueue[Callable[[], None]]"

_IDLE = 1.0
"""Seconds that a thread waits for its next call before it exits."""


class TimeoutExecutor:
    """Runs calls on reused threads, because starting one takes half as long as a request.

    An abandoned call occupies its thread until it ends, but delays neither the next call nor program exit. Thread-safe.
    """

    def __init__(self) -> None:
        self._idle: list[_Calls] = []

    def run(self, call: Callable[[], ResultT], seconds: float) -> ResultT | None:
        """Return the result of `call`; None if it takes longer than `seconds`. Its exceptions are reraised here."""
        results: SimpleQueue[tuple[ResultT | None, BaseException | None]] = SimpleQueue()
        try:
            calls = self._idle.pop()
        except IndexError:
            calls = SimpleQueue()
            threading.Thread(target=self._work, args=(calls,), daemon=True, name="tokenaudit-hub").start()

        def answer() -> None:
            try:
                result, error = call(), None
            except BaseException as raised:  # noqa: BLE001 - reraised in the caller, which waits for a result
                result, error = None, raised
            self._idle.append(calls)
            results.put((result, error))

        calls.put(answer)
        try:
            result, error = results.get(timeout=seconds)
        except Empty:
            return None
        if error is not None:
            raise error
        return result

    def _work(self, calls: _Calls) -> None:
        while (call := self._next(calls)) is not None:
            call()

    def _next(self, calls: _Calls) -> Callable[[], None] | None:
        try:
            return calls.get(timeout=_IDLE)
        except Empty:
            try:
                self._idle.remove(calls)
            except ValueError:
                return calls.get()  # already removed from the idle list, so a call follows
            return None
