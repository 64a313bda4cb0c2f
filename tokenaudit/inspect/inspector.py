"""Inspects each unique credential on the Hub once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Protocol, TypeAlias

from tokenaudit.detect.jwt import read_claims
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.interfaces import NullProgress, Progress
from tokenaudit.model import Inspection, Status
from tokenaudit.secret import Secret
from tokenaudit.timestamps import minute

_Known: TypeAlias = "Inspection | Callable[[], Inspection]"
"""An answer that is known, or the question that gives one."""


class Cache(Protocol):
    """Remembers inspections by fingerprint for a short while."""

    def get(self, fingerprint: str, endpoint: str, now: datetime) -> Inspection | None:
        """What `endpoint` said of the credential, where that is fresh enough at `now`."""

    def put(self, fingerprint: str, inspection: Inspection) -> None:
        """Keeps an inspection. Never gets one with status `unknown`."""


def inspect_credentials(
    secrets: Sequence[tuple[str, Secret]],
    hub: Hub,
    *,
    now: Callable[[], datetime],
    cache: Cache | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
) -> Iterator[tuple[str, Inspection]]:
    """Fingerprint and inspection of each unique credential of `secrets` (kind, value), in order, as they come.

    At most one question a credential, plus retries of questions that went unanswered. A JWT-bodied credential whose
    own expiry has passed is `expired` without being sent. When the Hub can't be reached, or leaves several in a row
    without an answer, the rest is not asked: they come out `unknown`, and another run continues with them.
    Up to `jobs` questions are asked at a time; the Hub limits them strictly, so one at a time is the default.
    """
    progress = progress or NullProgress()
    unique: dict[str, tuple[str, Secret]] = {}
    for kind, secret in secrets:
        unique.setdefault(secret.fingerprint, (kind, secret))
    progress.start("inspecting credentials", len(unique))

    def asked() -> Iterator[tuple[str, _Known]]:
        for fingerprint, (kind, secret) in unique.items():
            known = cache.get(fingerprint, hub.endpoint, now()) if cache is not None else None
            yield fingerprint, known or partial(_ask, kind, secret, hub, now, progress)

    for fingerprint, known in _ahead(asked(), jobs):
        if isinstance(known, Inspection):
            inspection = known
        else:
            inspection = known()
            if cache is not None and inspection.status != "unknown":
                cache.put(fingerprint, inspection)
        progress.advance()
        yield fingerprint, inspection


def _ahead(questions: Iterator[tuple[str, _Known]], jobs: int) -> Iterator[tuple[str, _Known]]:
    """The same in the same order, while threads work on the questions of up to `jobs` entries."""
    if jobs == 1:
        yield from questions
        return
    waiting: deque[tuple[str, _Known]] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="inspect") as pool:
        try:
            for fingerprint, known in questions:
                waiting.append((fingerprint, known if isinstance(known, Inspection) else pool.submit(known).result))
                if len(waiting) >= jobs:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:  # cut off: what has not begun is not asked
            pool.shutdown(cancel_futures=True)


def _ask(kind: str, secret: Secret, hub: Hub, now: Callable[[], datetime], progress: Progress) -> Inspection:
    claims = read_claims(secret.reveal())
    if claims is not None and claims.expires_at is not None and claims.expires_at <= now():
        reason = f"expired at {minute(claims.expires_at)} UTC according to its claims"
        role = "oauth" if kind == "oauth_token" else "unknown"
        return Inspection("expired", now(), reason, role=role, expires_at=claims.expires_at, details_known=False)
    if kind not in ASKABLE:
        return not_asked(kind, now=now(), endpoint=hub.endpoint)
    answer = hub.whoami(secret, progress.note)
    if isinstance(answer, Failure):
        return unanswered(answer, kind, now=now(), endpoint=hub.endpoint)
    return parse_whoami(answer, secret, now=now(), endpoint=hub.endpoint, claims=claims)


ASKABLE = frozenset({"user_token", "org_token", "oauth_token", "oidc_token", "app_token", "legacy_token", "s3_token"})
"""Kinds that are sent to whoami. Anything else, a client secret or another vendor's key, is sent nowhere."""

_WHOAMI_MAY_NOT_KNOW = frozenset({"oidc_token", "s3_token"})
"""Kinds that whoami perhaps never accepts, so that its refusal proves nothing."""

_DEAD = "invalid credentials in authorization header"
_NEVER_ARRIVED = "invalid username or password"
_UNAUTHORIZED = 401


def unanswered(failure: Failure, kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """What a credential of `kind` is known to be after `failure`."""
    status, reason = _judge(failure, kind)
    return Inspection(status, now, reason, details_known=False, endpoint=endpoint)


def not_asked(kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """The entry for a kind that whoami can't be asked about."""
    reason = f"not sent: whoami does not support the kind {kind}"
    return Inspection("unknown", now, reason, details_known=False, endpoint=endpoint)


def _judge(failure: Failure, kind: str) -> tuple[Status, str]:
    words = failure.message.casefold().strip().rstrip(".")
    if failure.kind == "refused" and failure.status == _UNAUTHORIZED:
        if kind in _WHOAMI_MAY_NOT_KNOW:
            return "unknown", f"the Hub rejects it, but whoami possibly does not support the kind {kind}"
        if words == _DEAD:
            return "invalid", "the Hub rejects it: deleted, revoked, from another Hub, or never issued"
        if words == _NEVER_ARRIVED:
            return "unknown", "the Hub did not receive the credential; a proxy possibly removed it"
        if "expired" in words and "token" in words:
            return "expired", "expired according to the Hub"
        return (
            "unknown",
            f"rejected with 401, but without the Hub's message for an invalid credential: {failure.message}",
        )
    tries = f" after {failure.attempts} tries" if failure.attempts > 1 else ""
    shown = f" (HTTP {failure.status})" if failure.status is not None else ""
    what = "the Hub denies whoami" if failure.kind == "refused" else f"no response{tries}"
    return "unknown", f"{what}{shown}: {failure.message}"
