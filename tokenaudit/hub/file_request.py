"""Requests for the content of files, which the Hub stores elsewhere (a CDN, Xet): redirects to other hosts.

A redirect within the Hub's origin is a renamed repository and is followed with the token. One to another origin leads
to a signed URL and is followed without it: the URL needs none, and the token must not reach another operator. Such a
URL must be https, or http on loopback where the Hub is on loopback itself, and must not lead into a private network
unless the Hub is in one: a compromised response must not make this machine read from its own network.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from tokenaudit.hub.endpoint import is_loopback, origin
from tokenaudit.hub.result import Failure, Reply, Result, error_kind
from tokenaudit.secret import Secret

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED = Failure("redirect", None, "the Hub redirected to an unencrypted address")
_PRIVATE = "the Hub redirected into a private network; nothing was sent there"


@dataclass(frozen=True)
class FileResponse:
    """A response to read from: its `status`, headers by lower-case name, body, and the URL it came from."""

    status: int
    headers: Mapping[str, str]
    body: IO[bytes]
    url: str


@dataclass
class FileRequest:
    """A GET request for a file.

    Args:
        endpoint: the Hub's own URL; the token is sent to its origin only.
        url: where the file is; an origin other than the Hub's is subject to the rules for redirects.
        secret: the token, None for an anonymous request.
        timeout: maximum wait for any single byte, in seconds.
        range: first and last position in bytes, both included.
    """

    endpoint: str
    url: str
    secret: Secret | None
    timeout: float
    range: tuple[int, int] | None = None
    commit: str | None = field(default=None, init=False)
    """The commit that the Hub read from (`X-Repo-Commit`), once it has answered."""

    def send(self, use: Callable[[FileResponse], Result]) -> tuple[Result, Mapping[str, str]]:
        """Make one attempt: follow redirects, and pass the response to `use`. Also returns the response headers."""
        url = self.url
        for _ in range(MOST_REDIRECTS + 1):
            if not self._is_safe(url):
                return _REFUSED, {}
            answer, headers = self._opened(url, use)
            self.commit = self.commit or headers.get("x-repo-commit")
            target = headers.get("location", "")
            if isinstance(answer, Reply) or answer.status not in _REDIRECTS or not target:
                return answer, headers
            try:
                url = urljoin(url, target)
            except ValueError:
                return Failure("redirect", answer.status, "the Hub redirected to an invalid address"), {}
        return Failure("redirect", None, "too many redirects"), {}

    def _is_safe(self, url: str) -> bool:
        try:
            parts, same = urlsplit(url), origin(url) == origin(self.endpoint)
        except ValueError:
            return False
        if same or parts.scheme == "https":
            return True
        return parts.scheme == "http" and self._is_on_loopback and is_loopback(parts.hostname or "")

    @cached_property
    def _is_on_loopback(self) -> bool:
        return is_loopback(urlsplit(self.endpoint).hostname or "")

    @cached_property
    def _is_in_private_network(self) -> bool:
        """Whether the Hub itself is at an address that only its own network can reach."""
        if self._is_on_loopback:
            return True
        try:
            found = socket.getaddrinfo(urlsplit(self.endpoint).hostname, None, type=socket.SOCK_STREAM)
        except OSError:
            return False
        return bool(found) and all(not is_public(str(entry[4][0])) for entry in found)

    def _opened(self, url: str, use: Callable[[FileResponse], Result]) -> tuple[Result, Mapping[str, str]]:
        request = urllib.request.Request(url, headers={"User-Agent": "tokenaudit", "Accept-Encoding": "identity"})  # noqa: S310 - `_is_safe` has checked it
        if self.range is not None:
            request.add_header("Range", f"bytes={self.range[0]}-{self.range[1]}")
        is_ours = origin(url) == origin(self.endpoint)
        if self.secret is not None and is_ours:
            request.add_unredirected_header("Authorization", f"Bearer {self.secret.reveal()}")
        public_only = not is_ours and not self._is_in_private_network
        try:
            with urllib.request.build_opener(_NoRedirect, *_handlers(public_only)).open(
                request, timeout=self.timeout
            ) as response:
                headers = _lower(response.headers)
                if headers.get("content-encoding", "identity").lower() != "identity":
                    return Failure("malformed", response.status, "the file is compressed against the request"), headers
                return use(FileResponse(response.status, headers, response, url)), headers
        except urllib.error.HTTPError as error:
            headers = _lower(error.headers)
            error.close()
            return Failure(error_kind(error.code), error.code, _message(error.code)), headers
        except (OSError, HTTPException, ValueError) as error:
            return _failed(error), {}


def _failed(error: Exception) -> Failure:
    reason = getattr(error, "reason", None)  # urllib wraps what fails before the response
    cause = reason if isinstance(reason, Exception) else error
    if isinstance(cause, _PrivateAddressError):
        return Failure("redirect", None, _PRIVATE)
    if isinstance(cause, TimeoutError):
        return Failure("timeout", None, "the file took too long")
    return Failure("network", None, f"the file could not be fetched ({type(error).__name__})")


def is_public(address: str) -> bool:
    """Return whether an IP address is reachable on the internet: not private, loopback, link-local or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return (mapped or found).is_global and not found.is_multicast


def _message(status: int) -> str:
    if status == 416:  # noqa: PLR2004 - Range Not Satisfiable
        return "the file is smaller than listed"
    return "the file was refused"


def _lower(headers: Message[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _PrivateAddressError(OSError):
    """The host of a redirect has an address in a private network."""


class _PublicConnection(HTTPConnection):
    """Sends nothing to an address that is not public.

    The address is that of the open connection: a second answer of DNS can't change it.
    """

    def connect(self) -> None:
        super().connect()
        if not is_public(str(self.sock.getpeername()[0])):
            self.close()
            raise _PrivateAddressError


class _PublicSecureConnection(HTTPSConnection, _PublicConnection):
    """As above, before the TLS handshake."""


class _PublicHandler(urllib.request.HTTPHandler):
    """Connects to public addresses only, unless a proxy is configured, which then connects."""

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_PublicConnection if _is_direct(req) else HTTPConnection, req)


class _PublicSecureHandler(urllib.request.HTTPSHandler):
    """As above."""

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        kind: Any = _PublicSecureConnection if _is_direct(req) else HTTPSConnection
        return self.do_open(kind, req)


def _is_direct(request: urllib.request.Request) -> bool:
    return request.host == urlsplit(request.full_url).netloc


def _handlers(public_only: bool) -> list[urllib.request.BaseHandler]:  # noqa: FBT001 - one caller
    return [_PublicHandler(), _PublicSecureHandler()] if public_only else []


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Returns every redirect to the caller instead of following it."""

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> None:
        """Leave it to the handler that raises `HTTPError`."""
        del req, fp, code, msg, headers

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
