"""HTTP transport for clients of other platforms: a `requests` session that sends requests to a single origin.

The libraries for GitHub and GitLab follow redirects and links chosen by the server and send the token with them:
`requests` strips `Authorization` only if the host changes, and headers such as `PRIVATE-TOKEN` never. They wait as
long as a server requests, read bodies of any size, and raise exceptions that quote the request. Both therefore use
the session below, which sends requests only to the configured scheme, host and port.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, MaxRetryError, NewConnectionError

from tokenaudit.errors import AuditError
from tokenaudit.hub.endpoint import origin, resolve_endpoint
from tokenaudit.hub.pagination import all_pages, with_items
from tokenaudit.hub.rate_limit import CircuitBreaker, RateLimiter, RetryPolicy, send_with_retries
from tokenaudit.hub.result import ErrorKind, Failure, PagedListing, Reply, Result, error_kind
from tokenaudit.hub.transport import TimeoutExecutor

LARGEST_BODY = 32 << 20
"""Maximum size of a response body in bytes."""

RETRY_POLICY = RetryPolicy(attempts=3, longest_wait=60.0, total_wait=120.0)
_MOST_REDIRECTS = 5
_CHUNK = 1 << 16
_READS = frozenset({"GET", "HEAD"})
_KEEPS_METHOD = frozenset({307, 308})
_REDIRECTS = range(300, 400)
_TOO_SLOW = "took too long to answer"
_ELSEWHERE = Failure("redirect", None, "redirected to another host; nothing was sent there")
_ACCEPTED = 202
_FORBIDDEN = 403


class PlatformError(AuditError):
    """A platform (GitHub, GitLab) returned no usable response.

    The message never quotes the platform's response, which can echo the request.

    Args:
        platform: name of the platform.
        failure: the failure; its message describes the response, without a subject ("answered 403").
    """

    def __init__(self, platform: str, failure: Failure) -> None:
        super().__init__(f"{platform} {failure.message}")
        self.failure = failure

    @property
    def kind(self) -> ErrorKind:
        """The kind of error."""
        return self.failure.kind

    @property
    def status(self) -> int | None:
        """The HTTP status, or None without a response."""
        return self.failure.status


def malformed(platform: str) -> PlatformError:
    """Return the error for a response whose shape differs from the API documentation."""
    return PlatformError(platform, Failure("malformed", None, "returned an unexpected response"))


class GuardedSession(requests.Session):
    """A session for the API of one platform.

    It sends nothing to any other scheme, host or port; follows redirects within its origin only; ignores `~/.netrc`;
    and limits the time for connecting, for each read and for a whole request, and the size of a body.

    Args:
        platform: name of the platform, for messages.
        url: URL of its API.
        setting: where that URL is set, for messages.
        connect: connection timeout in seconds.
        read: maximum wait for any byte, in seconds.
        deadline: maximum time for a whole request including redirects, in seconds.
        retry_policy: number of attempts and maximum waits.
        sleep: waits for a number of seconds; default `time.sleep`.

    Raises:
        EndpointError: a token must not be sent to `url`.
    """

    def __init__(
        self,
        platform: str,
        url: str,
        *,
        setting: str,
        connect: float = 10.0,
        read: float = 20.0,
        deadline: float = 60.0,
        retry_policy: RetryPolicy = RETRY_POLICY,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__()
        self.platform = platform
        self.url = resolve_endpoint(url, service=platform, setting=setting)
        self._origin = origin(self.url)
        self._deadline = deadline
        self._rate_limiter = RateLimiter(retry_policy, sleep=sleep or time.sleep)
        self._breaker = CircuitBreaker()
        self._calls = TimeoutExecutor()
        self._origin_session = _OriginSession(self.url, (connect, read), deadline)
        _prepare(self, self.url)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """Send `request`, retry transient failures, and follow redirects.

        Raises:
            PlatformError: there is no response, its status is not a success, or it must not be used.
        """
        options["allow_redirects"] = True  # otherwise PyGithub follows redirects itself

        def attempt() -> tuple[Result, Mapping[str, str]]:
            result = self._calls.run(lambda: self._sent(request.copy(), options), self._deadline)
            if result is None:
                return Failure("timeout", None, _TOO_SLOW), {}
            if isinstance(result, Failure):
                return result, {}
            headers = {name.lower(): value for name, value in result.headers.items()}
            status = result.status_code
            if result.ok and status not in _REDIRECTS:
                return Reply(status, result), headers
            kind: ErrorKind = "limited" if _rate_limited(status, headers) else error_kind(status)
            return Failure(kind, status, f"answered {status}"), headers

        answer = send_with_retries(attempt, self._rate_limiter, self._breaker, self.platform)
        if isinstance(answer, Failure):
            raise PlatformError(self.platform, answer)
        response: requests.Response = answer.body
        return response

    def check(self, url: str) -> None:
        """Reject an absolute `url` of another origin before a library rewrites it.

        Raises:
            PlatformError: `url` has another origin.
        """
        if not url.startswith("/") and not _is_of(self._origin, url):
            raise PlatformError(self.platform, _ELSEWHERE)

    def _sent(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response | Failure:
        try:
            response = self._origin_session.send(request, **options)
        except Exception as error:  # noqa: BLE001 - boundary: exceptions become plain data
            return _failure(error)
        if response.status_code == _ACCEPTED and request.method in _READS:
            # PyGithub would repeat the request every two seconds without a limit.
            return Failure("malformed", _ACCEPTED, "has no answer ready")
        return response


class _RequestAborted(Exception):  # noqa: N818 - a guard aborts a request; not a program error
    """A guard aborted a request; contains plain data only."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _OriginSession(requests.Session):
    """Sends each request once, to one origin, and follows redirects within that origin."""

    def __init__(self, url: str, timeout: tuple[float, float], deadline: float) -> None:
        super().__init__()
        _prepare(self, url)
        self.max_redirects = _MOST_REDIRECTS
        adapter = _OriginAdapter(url, timeout, deadline)
        for scheme in ("https://", "http://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the redirect target of `resp`; None if it is not a redirect."""
        status = resp.status_code
        if status not in _REDIRECTS:
            return None
        target = super().get_redirect_target(resp)
        if target is None:
            raise _RequestAborted(Failure("redirect", status, f"redirected ({status}) without an address"))
        if resp.request.method not in _READS and status not in _KEEPS_METHOD:
            raise _RequestAborted(
                Failure("redirect", status, f"redirected ({status}) a change, which was not sent again")
            )
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Leave the headers unchanged: the request stays at its origin, and `~/.netrc` is ignored."""


class _OriginAdapter(HTTPAdapter):
    """Connects to one origin and limits the size of bodies."""

    def __init__(self, url: str, timeout: tuple[float, float], deadline: float) -> None:
        super().__init__(max_retries=0)
        self._origin, self._timeout, self._deadline = origin(url), timeout, deadline

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """See `HTTPAdapter.send`; timeouts and body reading are overridden."""
        if not _is_of(self._origin, request.url or ""):
            raise _RequestAborted(_ELSEWHERE)
        request.headers["Accept-Encoding"] = "identity"  # a compressed body could expand to any size
        response = super().send(request, **{**options, "stream": True, "timeout": self._timeout})
        with response:
            body = self._body(response)
        response.raw = urllib3.HTTPResponse(
            io.BytesIO(body), response.raw.headers, response.status_code, preload_content=False
        )
        return response

    def _body(self, response: requests.Response) -> bytes:
        status = response.status_code
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise _RequestAborted(Failure("malformed", status, "compressed its response against the request"))
        ends, size = time.monotonic() + self._deadline, 0
        chunks: list[bytes] = []
        while chunk := _read(response.raw):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_BODY:
                raise _RequestAborted(Failure("oversized", status, f"returned more than {LARGEST_BODY >> 20} MiB"))
            if time.monotonic() > ends:
                raise _RequestAborted(Failure("timeout", status, _TOO_SLOW))
        return b"".join(chunks)


def _is_of(wanted: tuple[str, str, int], url: str) -> bool:
    """Return whether `url` has the origin `wanted` for both urllib3, which connects, and the standard library."""
    try:
        parsed, standard, user = urllib3.util.parse_url(url), origin(url), urlsplit(url).username
    except (ValueError, HTTPError):
        return False
    place = (parsed.scheme or "", (parsed.host or "").strip("[]").lower(), parsed.port or standard[2])
    return parsed.auth is None and user is None and standard == wanted == place


def next_link(header: str | None, base: str) -> str | None:
    """Return the URL of the next page in a `Link` header, resolved against `base`."""
    links = requests.utils.parse_header_links(header) if header else ()
    found = next((link.get("url") for link in links if link.get("rel") == "next"), None)
    return urljoin(base, found) if found else None


def listed(
    platform: str, first: str, fetch: Callable[[str], tuple[object, str | None]]
) -> PagedListing[Mapping[str, Any]]:
    """Return every object from the page `first` on. `fetch` returns a page's list and the URL of the next page.

    Raises:
        PlatformError: the first page could not be read. Failures of later pages are recorded in the listing.
    """

    def page(url: str) -> tuple[Sequence[object], str | None] | Failure:
        try:
            items, following = fetch(url)
            if not isinstance(items, list):
                raise malformed(platform)
        except PlatformError as error:
            if url == first:
                raise
            return replace(error.failure, message=str(error))
        return items, following

    listing = all_pages(first, page)
    if isinstance(listing, Failure):
        raise PlatformError(platform, listing)
    return with_items(listing, [item for item in listing if isinstance(item, dict)])


def _prepare(session: requests.Session, url: str) -> None:
    # Proxies and certificates come from the environment, but loopback traffic never leaves this machine.
    session.trust_env = url.startswith("https:")
    # If a session has its own `auth`, requests does not look for a password in ~/.netrc.
    session.auth = _unchanged


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read(raw: urllib3.HTTPResponse) -> bytes:
    """Return the received part of a body, at most `_CHUNK` bytes; wait only for the first byte."""
    return raw.read1(_CHUNK, decode_content=False)


def _rate_limited(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a refusal from GitHub or GitLab means that the rate limit is exhausted."""
    used_up = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return status == _FORBIDDEN and used_up


@contextmanager
def translated_errors(platform: str) -> Iterator[None]:
    """Convert any exception of the client library of `platform` to a `PlatformError` without its message."""
    try:
        yield
    except AuditError:
        raise
    except Exception as error:  # noqa: BLE001 - boundary: exceptions of libraries can quote the request
        raise PlatformError(platform, _failure(error)) from None


def _failure(error: Exception) -> Failure:
    """Return the failure for `error`. Its message is not used: it can quote the request or the response."""
    if isinstance(error, _RequestAborted):
        return error.failure
    # urllib3 raises this when it can't connect, and a different error when a connection breaks.
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.ConnectionError) and isinstance(cause, MaxRetryError):
        error = cause.reason or error
    name = type(error).__name__
    return next(
        (Failure(kind, None, words.format(name=name)) for types, kind, words in _KINDS if isinstance(error, types)),
        Failure("malformed", None, f"returned an unexpected response ({name})"),
    )


_KINDS: tuple[tuple[tuple[type[Exception], ...], ErrorKind, str], ...] = (
    ((requests.TooManyRedirects,), "redirect", f"redirected more than {_MOST_REDIRECTS} times"),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            LocationValueError,
        ),
        "redirect",
        "redirected to an invalid address",
    ),
    ((requests.exceptions.InvalidJSONError,), "malformed", "returned invalid JSON"),
    ((requests.exceptions.ConnectTimeout, ConnectTimeoutError), "unreachable", "can't be reached ({name})"),
    ((requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), "timeout", _TOO_SLOW),
    (
        (NewConnectionError, requests.exceptions.SSLError, requests.exceptions.ProxyError),
        "unreachable",
        "can't be reached ({name})",
    ),
    ((requests.RequestException, HTTPError, OSError), "network", "did not answer ({name})"),
)
