"""Inspects each unique credential on the Hub once, and remembers the result on disk for an hour.

The cache holds fingerprints, never a value or the name of a place.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import msgspec
from platformdirs import user_cache_path

from tokenaudit.errors import ConfigurationError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.result import Failure
from tokenaudit.inspect.whoami import parse_whoami
from tokenaudit.interfaces import NullProgress, Progress
from tokenaudit.jwt_claims import read_claims
from tokenaudit.model import Inspection, Status
from tokenaudit.redaction import masked
from tokenaudit.secret import Secret
from tokenaudit.timestamps import minute

_Known: TypeAlias = "Inspection | Callable[[], Inspection]"
"""A known inspection, or the request for one."""


class Cache(Protocol):
    """Remembers inspections by fingerprint for a short while."""

    def get(self, fingerprint: str, endpoint: str, now: datetime) -> Inspection | None:
        """The inspection by `endpoint`, if it is fresh enough at `now`."""

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
    """Yields fingerprint and inspection of each unique credential of `secrets` (kind, value), in order.

    Sends at most one request per credential, plus retries. A JWT-bodied credential whose own expiry has passed is
    `expired` without a request. If the Hub can't be reached, or several requests in a row get no response, the others
    are not sent: they are `unknown`, and another run continues with them. At most `jobs` requests run at a time; the
    default is one, because the Hub limits them strictly.
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

_UNSUPPORTED = "whoami does not support the kind"
_PERHAPS_UNSUPPORTED = "whoami possibly does not support the kind"
_DEAD = "invalid credentials in authorization header"
_NEVER_ARRIVED = "invalid username or password"
_UNAUTHORIZED = 401


def unanswered(failure: Failure, kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """What a credential of `kind` is known to be after `failure`."""
    status, reason = _judge(failure, kind)
    return Inspection(status, now, reason, details_known=False, endpoint=endpoint)


def not_asked(kind: str, *, now: datetime, endpoint: str) -> Inspection:
    """The entry for a kind that whoami can't be asked about."""
    reason = f"not sent: {_UNSUPPORTED} {kind}"
    return Inspection("unknown", now, reason, details_known=False, endpoint=endpoint)


def may_answer_later(inspection: Inspection) -> bool:
    """Return whether the status is unknown for a reason that another request might not meet."""
    return inspection.status == "unknown" and not any(
        words in (inspection.reason or "") for words in (_UNSUPPORTED, _PERHAPS_UNSUPPORTED)
    )


def _judge(failure: Failure, kind: str) -> tuple[Status, str]:
    words = failure.message.casefold().strip().rstrip(".")
    if failure.kind == "refused" and failure.status == _UNAUTHORIZED:
        if kind in _WHOAMI_MAY_NOT_KNOW:
            return "unknown", f"the Hub rejects it, but {_PERHAPS_UNSUPPORTED} {kind}"
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


LIFE = timedelta(hours=1)
_T = TypeVar("_T")
_LAYOUT = 2
_TABLE = """
CREATE TABLE IF NOT EXISTS inspections (
    fingerprint TEXT, endpoint TEXT, checked_at TEXT, is_dead INTEGER, inspection BLOB,
    PRIMARY KEY (fingerprint, endpoint)
)
"""


def default_path() -> Path:
    """The cache folder of this system."""
    return user_cache_path("tokenaudit", appauthor=False) / "inspections.sqlite"


class DiskCache:
    """A `Cache` in the file `path`, which is made when it is first written to.

    Raises:
        ConfigurationError: the file can't be made, read or written. (From every method.)
    """

    def __init__(self, path: Path, life: timedelta = LIFE) -> None:
        self._path = path
        self._life = life
        self._open: sqlite3.Connection | None = None

    def get(self, fingerprint: str, endpoint: str, now: datetime) -> Inspection | None:
        """The inspection by `endpoint` from the hour before `now`, and not later than `now`."""
        if not self._path.exists():
            return None
        rows = self._act(
            lambda db: db.execute(
                "SELECT inspection FROM inspections WHERE fingerprint = ? AND endpoint = ?", (fingerprint, endpoint)
            ).fetchall()
        )
        inspection = _decoded(rows[0][0]) if rows else None
        return inspection if inspection and timedelta(0) <= now - inspection.checked_at < self._life else None

    def ends(self, endpoint: str) -> dict[str, Inspection]:
        """Every credential that `endpoint` was once found to refuse, by fingerprint, with its answer then."""
        if not self._path.exists():
            return {}
        rows = self._act(
            lambda db: db.execute(
                "SELECT fingerprint, inspection FROM inspections WHERE endpoint = ? AND is_dead", (endpoint,)
            ).fetchall()
        )
        return {fingerprint: inspection for fingerprint, held in rows if (inspection := _decoded(held)) is not None}

    def put(self, fingerprint: str, inspection: Inspection) -> None:
        """Stores an inspection; deletes all that are older than an hour, except final ones."""
        row = (
            fingerprint,
            inspection.endpoint or "",
            inspection.checked_at.isoformat(),
            inspection.dead,
            msgspec.json.encode(masked(inspection)),
        )
        stale = (inspection.checked_at - self._life).isoformat()

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("INSERT OR REPLACE INTO inspections VALUES (?, ?, ?, ?, ?)", row)
                db.execute("DELETE FROM inspections WHERE checked_at < ? AND NOT is_dead", (stale,))

        self._act(write)

    def clear(self) -> None:
        """Deletes all entries."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file; using the cache again opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _act(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            if self._open is None:
                self._open = self._opened()
            return action(self._open)
        except (sqlite3.Error, OSError) as error:
            message = f"cache {self._path} can't be used ({error}); remove it, or use --no-cache"
            raise ConfigurationError(message) from None

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made before SQLite sees it, so that it never stands readable for others even for a moment.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path.chmod(0o600)
        db = sqlite3.connect(self._path, timeout=5)
        # A damaged row costs itself alone: its bytes that are not UTF-8 fit no fingerprint.
        db.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
        # A lost cache costs a few questions; a slow one costs every run.
        db.execute("PRAGMA synchronous = OFF")
        with db:
            (layout,) = db.execute("PRAGMA user_version").fetchone()
            if layout != _LAYOUT:
                db.execute("DROP TABLE IF EXISTS inspections")
                db.execute(f"PRAGMA user_version = {_LAYOUT}")
            db.execute(_TABLE)
        return db


def _decoded(held: object) -> Inspection | None:
    """None if another version wrote it or it is damaged: the Hub is queried again, and the next `put` replaces it."""
    try:
        return msgspec.json.decode(held, type=Inspection) if isinstance(held, (bytes, str)) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
