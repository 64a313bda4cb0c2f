"""The one client of the Hub.

Every call goes through `Hub.ask`: a guarded call of huggingface_hub on a thread of its own, so that a total deadline
holds even against a server that drips single bytes, with retries within a budget. What comes back is a `Reply` or a
`Failure`; no exception of an HTTP library, and so no request with a bearer token in it, ever leaves this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import huggingface_hub  # loads its parts when they are used

from tokenaudit._version import __version__
from tokenaudit.hub.credentials import AuditorToken, auditor_token
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.rate_limit import Attempt, CircuitBreaker, RateLimiter, RetryPolicy, send_with_retries
from tokenaudit.hub.result import ErrorKind, Failure, Reply, Result, error_kind, printable
from tokenaudit.hub.transport import LARGEST_BODY, Call, RequestAborted, TimeoutExecutor, begin, end
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi


T = TypeVar("T")
Token: TypeAlias = str | Literal[False]
"""What wrappers get as `token`: a value, or False for anonymous. Never None: that would mean this machine's own."""

_REDIRECT = 300
_ERROR = 400
_GRACE = 0.25
_LONGEST_CREDENTIAL = 16_384


class Hub:
    """A Hub at one address.

    Args:
        endpoint: its address; default `HF_ENDPOINT`, else the public Hub.
        timeout: the longest wait for any single byte, in seconds.
        deadline: the longest time for one whole request, in seconds.
        retry_policy: how often and how long a request is tried.
        own_token: whether `own` may find a token of the auditor's.
        clock: a monotonic clock in seconds, for the waits between requests.
        sleep: waits so many seconds.

    Raises:
        EndpointError: credentials may not be sent to `endpoint`.
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
        """The auditor's own token, looked for once, on first use; None where there is or should be none.

        Raises:
            ConfigurationError: the token file is there but can't be read, or the keyring refuses.
        """
        return auditor_token() if self._own_token else None

    def whoami(self, secret: Secret, note: Callable[[str], None] | None = None) -> Result:
        """Who a credential is: `GET /api/whoami-v2`, as parsed JSON of any shape.

        `note` gets messages about waits. The endpoint is limited separately and strictly, so ask once per credential
        and one at a time.
        """
        return self.ask(lambda api, token: api.whoami(token=token), secret, note=note)

    def get(self, path: str, secret: Secret | None, **params: str | int) -> Result:
        """A plain GET of `path` (which starts with a slash) for endpoints that huggingface_hub has no wrapper for."""

        def fetch(_api: HfApi, token: Token) -> object:
            return self._response(self.endpoint + path, token, params).json()

        return self.ask(fetch, secret)

    def get_page(self, url: str, secret: Secret | None) -> Result:
        """A page of a listing at `url` (a path, or what an answer links to): its JSON, and the next page's address.

        The address is None where the page links to none; it can be of any origin, and only this one is asked.
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
        """The response to a GET of `url`, whose body is read as it comes; for calls of `ask`."""
        with huggingface_hub.get_session().stream("GET", url, headers=self.headers(token)) as response:
            response.raise_for_status()
            yield response

    def headers(self, token: Token) -> dict[str, str]:
        """Request headers as the library builds them, for plain calls."""
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
        """Puts `question` to the Hub as `secret` (None: anonymously), with retries, and says what came of it.

        `question` calls one wrapper of huggingface_hub and must hand on the token it is given. `deadline` is the
        longest time for the whole answer, `timeout` for any single byte of it, in seconds, where they are not the
        usual; `largest` is the size of the answer in bytes.
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

    def send(self, attempt: Attempt, note: Callable[[str], None] | None = None) -> Result:
        """Sends a request by `attempt`, with retries; not at all where the Hub leaves requests unanswered."""
        return send_with_retries(attempt, self.rate_limiter, self.breaker, "the Hub", note)

    def within(self, seconds: float, call: Callable[[], T]) -> T | None:
        """What `call` returns, from a thread of its own; None where that takes longer than `seconds`."""
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
    except Exception as error:  # noqa: BLE001 - the border: whatever the libraries raise becomes plain data here
        return _translated(error, call)
    finally:
        end()
    if call.status is None or call.status >= _REDIRECT:
        return _translated(None, call)
    return Reply(call.status, body)


def _translated(error: Exception | None, call: Call) -> Failure:
    """What went wrong, as data. Words of an exception are used only where its kind can't hold the value."""
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
