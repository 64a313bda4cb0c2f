"""Client of the Hub.

Every call goes through `Hub.ask`: a guarded call of huggingface_hub on a separate thread, so that the total deadline
applies even to a server that sends one byte at a time, with a limited number of retries. The result is a `Reply` or a
`Failure`. Exceptions of HTTP libraries, which can contain a request with a bearer token, never leave this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import huggingface_hub  # imports its submodules lazily

from tokenaudit._version import __version__
from tokenaudit.hub.credentials import AuditorToken, auditor_token
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.rate_limit import Attempt, CircuitBreaker, RateLimiter, RetryPolicy, send_with_retries
from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result, error_kind, printable
from tokenaudit.hub.transport import LARGEST_BODY, Call, RequestAborted, TimeoutExecutor, begin, end
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi


T = TypeVar("T")
Token: TypeAlias = str | Literal[False]
"""The `token` argument of wrappers: a value, or False for anonymous. Never None, which means this machine's token."""

_REDIRECT = 300
_ERROR = 400
_GRACE = 0.25
_LONGEST_CREDENTIAL = 16_384


class Hub:
    """A Hub at one endpoint.

    Args:
        endpoint: URL of the Hub; default `HF_ENDPOINT`, else the public Hub.
        timeout: maximum wait for any single byte, in seconds.
        deadline: maximum time for one whole request, in seconds.
        retry_policy: number of attempts and maximum waits.
        auditor_token: whether `own` looks for the auditor's token.
        clock: monotonic clock in seconds, for the waits between requests.
        sleep: waits for a number of seconds.

    Raises:
        EndpointError: credentials must not be sent to `endpoint`.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        timeout: float = 10.0,
        deadline: float = 30.0,
        retry_policy: RetryPolicy | None = None,
        auditor_token: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = resolve_endpoint(endpoint)
        self.timeout = timeout
        self.deadline = deadline
        self.rate_limiter = RateLimiter(retry_policy or RetryPolicy(), clock, sleep)
        self.breaker = CircuitBreaker(clock=clock)
        self._own_token = auditor_token
        self._timeout_executor = TimeoutExecutor()

    @cached_property
    def own(self) -> AuditorToken | None:
        """The auditor's own token, looked up once on first use; None if there is none or the lookup is disabled.

        Raises:
            ConfigurationError: the token file can't be read, or the keyring fails.
        """
        return auditor_token() if self._own_token else None

    def whoami(self, secret: Secret, note: Callable[[str], None] | None = None) -> Result:
        """Return the owner and role of a credential: `GET /api/whoami-v2`, as parsed JSON of any shape.

        `note` receives messages about waits. The endpoint has a separate, strict rate limit: call it once per
        credential and not concurrently.
        """
        return self.ask(lambda api, token: api.whoami(token=token), secret, note=note)

    def get(self, path: str, secret: Secret | None, **params: str | int) -> Result:
        """Send a GET request to `path` (starting with a slash), for endpoints without a huggingface_hub wrapper."""

        def fetch(_api: HfApi, token: Token) -> object:
            return self._response(self.endpoint + path, token, params).json()

        return self.ask(fetch, secret)

    def get_page(self, url: str, secret: Secret | None) -> Result:
        """Return a page of a listing at `url` (a path or a `Link` target): its JSON and the URL of the next page.

        The next URL is None on the last page. It can have any origin, but requests are sent to this endpoint only.
        """
        absolute = self.endpoint + url if url.startswith("/") else url

        def fetch(_api: HfApi, token: Token) -> object:
            response = self._response(absolute, token, {})
            return response.json(), response.links.get("next", {}).get("url")

        return self.ask(fetch, secret)

    def _response(self, url: str, token: Token, params: Mapping[str, str | int]) -> Any:  # noqa: ANN401 - either backend's
        response = huggingface_hub.get_session().get(url, headers=self.headers(token), params=dict(params) or None)
        response.raise_for_status()
        return response

    @contextmanager
    def stream(self, url: str, token: Token) -> Iterator[Any]:
        """Open the response to a GET of `url`, whose body is streamed; for calls of `ask`."""
        with huggingface_hub.get_session().stream("GET", url, headers=self.headers(token)) as response:
            response.raise_for_status()
            yield response

    def headers(self, token: Token) -> dict[str, str]:
        """Return request headers as the library builds them, for calls without a wrapper."""
        from huggingface_hub.utils._headers import build_hf_headers  # noqa: PLC0415 - heavy

        return build_hf_headers(token=token, library_name="tokenaudit", library_version=__version__)

    def ask(
        self,
        question: Callable[[HfApi, Token], Any],
        secret: Secret | None,
        *,
        note: Callable[[str], None] | None = None,
        deadline: float | None = None,
        timeout: float | None = None,
        largest: int = LARGEST_BODY,
    ) -> Result:
        """Call `question` as `secret` (None: anonymously) with retries, and return the result.

        `question` calls one wrapper of huggingface_hub and must pass on the token it receives. `deadline` is the
        maximum time for the whole response and `timeout` for any single byte of it, in seconds; both default to those
        of the client. `largest` is the maximum size of the response in bytes.
        """
        token: Token = secret.reveal() if secret is not None else False
        if token is not False and not (token.isascii() and token.isprintable() and len(token) <= _LONGEST_CREDENTIAL):
            return Failure("not-asked", None, "not a credential: the value can't be sent in a header", 0)

        def attempt() -> tuple[Result, Mapping[str, str]]:
            ends = time.monotonic() + (deadline or self.deadline)
            call = Call(self.endpoint, timeout or self.timeout, ends, largest)
            answer = self.within(max(ends - time.monotonic(), 0) + _GRACE, lambda: _guarded(question, token, call))
            return answer or Failure("timeout", call.status, "the response took too long"), call.headers

        return self.send(attempt, note)

    def send(
        self,
        attempt: Attempt,
        note: Callable[[str], None] | None = None,
        retried: frozenset[ErrorKind] = TRANSIENT,
    ) -> Result:
        """Send a request by `attempt`, and again after failures of the kinds `retried`.

        Nothing is sent if the circuit breaker is open.
        """
        return send_with_retries(attempt, self.rate_limiter, self.breaker, "the Hub", note, retried)

    def within(self, seconds: float, call: Callable[[], T]) -> T | None:
        """Return the result of `call`, run on a separate thread; None if it takes longer than `seconds`."""
        return self._timeout_executor.run(call, seconds)


def _guarded(question: Callable[[HfApi, Token], Any], token: Token, call: Call) -> Result:
    try:
        begin(call)
        api = huggingface_hub.HfApi(
            endpoint=call.endpoint, token=False, library_name="tokenaudit", library_version=__version__
        )
        body = question(api, token)
    except RequestAborted as stopped:
        return Failure(stopped.kind, call.status, stopped.message)
    except Exception as error:  # noqa: BLE001 - boundary: exceptions become plain data
        return _translated(error, call)
    finally:
        end()
    if call.status is None or call.status >= _REDIRECT:
        return _translated(None, call)
    return Reply(call.status, body)


def _translated(error: Exception | None, call: Call) -> Failure:
    """Convert an error to plain data. The exception's message is used only if its type can't contain the value."""
    if call.status is not None and call.status >= _ERROR:
        return Failure(error_kind(call.status), call.status, printable(call.error_text))
    if call.status is not None and call.status >= _REDIRECT:
        return Failure("redirect", call.status, "the Hub returned a redirect")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for names, broken, message in (
        ({"OfflineModeIsEnabled"}, "offline", "not sent: HF_HUB_OFFLINE is set"),
        ({"ConnectTimeout"}, "unreachable", f"connection to {call.endpoint} timed out"),
        ({"TimeoutException"}, "timeout", "the response took too long"),
        ({"ConnectError", "ProxyError"}, "unreachable", f"no connection to {call.endpoint}: {error}"),
        ({"TransportError"}, "network", f"the connection broke ({type(error).__name__})"),
    ):
        if names & kinds:
            return Failure(cast("ErrorKind", broken), call.status, printable(message))
    if call.status is None:
        return Failure("not-asked", None, f"the request could not be made ({type(error).__name__})")
    return Failure("malformed", call.status, f"unexpected response ({type(error).__name__})")
