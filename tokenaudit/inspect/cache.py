"""Inspections remembered on disk for an hour, by fingerprint: no value, no name of a place, nothing of use to a thief.

A cache makes an interrupted run of thousands of questions continue where it stopped, and keeps a second run from
spending the Hub's strict limit on whoami again. The end of a credential is remembered for good, since nothing revives
one: that is how a later look at an incident knows what has been revoked, without its value. It is one SQLite file that
only its owner can read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from platformdirs import user_cache_path

from tokenaudit.errors import ConfigurationError
from tokenaudit.model import Inspection
from tokenaudit.redaction import masked

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
        """What `endpoint` said less than an hour before `now`, and not in the future of `now`."""
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
        return {mark: inspection for mark, held in rows if (inspection := _decoded(held)) is not None}

    def put(self, fingerprint: str, inspection: Inspection) -> None:
        """Keeps what was said; also forgets everything that has outlived its hour, ends aside."""
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
    """None where another version wrote it or it is damaged: the Hub is asked again, and the next put replaces it."""
    try:
        return msgspec.json.decode(held, type=Inspection) if isinstance(held, (bytes, str)) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
