"""The one client of the Hub.

Every call goes through `Hub.ask`: a guarded call of huggingface_hub on a thread of its own, so that a total deadline
holds even against a server that drips single bytes, with retries within a budget. What comes back is a `Reply` or a
`Failure`; no exception of an HTTP library, and so no request with a bearer token in it, ever leaves this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from tokenaudit._version import __version__
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.rate_limit import RateLimiter, RetryPolicy
from tokenaudit.hub.result import TRANSIENT, ErrorKind, Failure, Reply, Result, printable
from tokenaudit.hub.transport import Call, Stopped, TimeoutExecutor, begin, end
from tokenaudit.secret import Secret

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from tokenaudit.hub.credentials import AuditorToken

Token: TypeAlias = str | Literal[False]
"""What wrappers get as `token`: a value, or False for anonymous. Never None: that would mean this machine's own."""

_REDIRECT = 300
_ERROR = 400
_GRACE = 0.25
_LISTING_ATTEMPTS = 2
"""A listing is retried page by page inside the library, except its first page in older versions."""
_LONGEST_CREDENTIAL = 16_384


class Hub:
    """A Hub at one address.

    Args:
        endpoint: its address; default `HF_ENDPOINT`, else the public Hub.
        timeout: the longest wait for any single byte, in seconds.
        deadline: the longest time for one whole request, in seconds.
        patience: how often and how long a question is tried.
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
        self._own_token = auditor_token
        self._aside = TimeoutExecutor()

    @cached_property
    def own(self) -> AuditorToken | None:
        """The auditor's own token, looked for once, on first use; None where there is or should be none.

        Raises:
            ConfigurationError: the token file is there but can't be read, or the keyring refuses.
        """
        from tokenaudit.hub.credentials import auditor_token  # noqa: PLC0415 - the keyring is slow to load

        return auditor_token() if self._own_token else None

    def whoami(self, secret: Secret, note: Callable[[str], None] | None = None) -> Result:
        """Who a credential is: `GET /api/whoami-v2`, as parsed JSON of any shape.

        `note` is told of waits. The endpoint is limited separately and strictly, so ask once per credential and
        one at a time.
        """
        return self.ask(lambda api, token: api.whoami(token=token), secret, note=note)

    def get(self, path: str, secret: Secret | None, **params: str | int) -> Result:
        """A plain GET of `path` (which starts with a slash) for endpoints that huggingface_hub has no wrapper for."""

        def fetch(_api: HfApi, token: Token) -> object:
            from huggingface_hub import get_session  # noqa: PLC0415 - heavy

            response = get_session().get(self.endpoint + path, headers=self.headers(token), params=dict(params))
            response.raise_for_status()
            return response.json()

        return self.ask(fetch, secret)

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
        listing: bool = False,
    ) -> Result:
        """Puts `question` to the Hub as `secret` (None: anonymously), with retries, and says what came of it.

        `question` calls one wrapper of huggingface_hub and must hand on the token it is given. A `listing` keeps the
        library's own retries, which continue at the page that failed, and gets `deadline` seconds for all pages.
        `timeout` is the longest wait for any single byte of this answer, in seconds, where it is not the usual one.
        """
        token: Token = secret.reveal() if secret is not None else False
        if token is not False and not (token.isascii() and token.isprintable() and len(token) <= _LONGEST_CREDENTIAL):
            return Failure("not-asked", None, "the value can't be sent in a header, so it can't be a credential", 0)
        waited = 0.0
        attempt = 0
        while True:
            pending = self.rate_limiter.pending()
            if (
                pending > self.rate_limiter.retry_policy.longest_wait
                or waited + pending > self.rate_limiter.retry_policy.total_wait
            ):
                return Failure("limited", 429, f"the Hub asks to wait {pending:.0f} seconds", attempt)
            waited += self._wait(pending, note)
            attempt += 1
            ends = time.monotonic() + (deadline or self.deadline)
            call = Call(self.endpoint, timeout or self.timeout, ends, listing)
            answer = self._once(question, token, call)
            self.rate_limiter.saw(call.headers)
            if isinstance(answer, Reply) or answer.trouble not in TRANSIENT:
                return answer
            pause = self.rate_limiter.backoff(attempt, call.headers)
            retry_policy = self.rate_limiter.retry_policy
            attempts = min(retry_policy.attempts, _LISTING_ATTEMPTS) if listing else retry_policy.attempts
            tired = attempt >= attempts or pause > retry_policy.longest_wait
            if tired or waited + pause > retry_policy.total_wait:
                return Failure(answer.trouble, answer.status, answer.message, attempt)
            waited += self._wait(pause, note)

    def _wait(self, seconds: float, note: Callable[[str], None] | None) -> float:
        if seconds > 0:
            if note is not None and seconds >= 1:
                note(f"waiting {seconds:.0f} s before asking the Hub again")
            self.rate_limiter.sleep(seconds)
        return seconds

    def _once(self, question: Callable[[HfApi, Token], Any], token: Token, call: Call) -> Result:
        """One try on a thread that is left behind when the deadline passes."""
        seconds = max(call.ends - time.monotonic(), 0) + _GRACE
        answer = self._aside.run(lambda: _guarded(question, token, call), seconds)
        return answer or Failure("timeout", call.status, "the answer took too long")


def _guarded(question: Callable[[HfApi, Token], Any], token: Token, call: Call) -> Result:
    begin(call)
    try:
        from huggingface_hub import HfApi  # noqa: PLC0415 - a third of a second to import

        api = HfApi(endpoint=call.endpoint, token=False, library_name="tokenaudit", library_version=__version__)
        body = question(api, token)
    except Stopped as stopped:
        return Failure(stopped.trouble, call.status, stopped.message)
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
        trouble: ErrorKind = "limited" if call.status == 429 else "server" if call.status >= 500 else "refused"  # noqa: PLR2004 - HTTP's own numbers
        return Failure(trouble, call.status, printable(call.error_text))
    if call.status is not None and call.status >= _REDIRECT:
        return Failure("redirect", call.status, "the Hub answered with a redirect")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for names, broken, message in (
        ({"OfflineModeIsEnabled"}, "offline", "HF_HUB_OFFLINE is set, so nothing was asked"),
        ({"TimeoutException"}, "timeout", "the answer took too long"),
        ({"ConnectError", "ProxyError"}, "network", f"no connection to {call.endpoint}: {error}"),
        ({"TransportError"}, "network", f"the connection broke ({type(error).__name__})"),
    ):
        if names & kinds:
            return Failure(cast("ErrorKind", broken), call.status, printable(message))
    if call.status is None:
        return Failure("not-asked", None, f"the request could not be made ({type(error).__name__})")
    return Failure("malformed", call.status, f"the answer is not what the Hub promises ({type(error).__name__})")
