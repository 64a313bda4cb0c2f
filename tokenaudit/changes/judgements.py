"""Cache of judgements by content: the same blob is judged once, across repositories and runs.

The key is everything that a judgement depends on: the content before and after, the path, the Hub's scan, the version
of this program, and related files. The cache is one SQLite file that only its owner can read; a cache with another
layout is discarded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from platformdirs import user_cache_path

from tokenaudit._version import __version__
from tokenaudit.content.change import ContentJudgement, FileChange, FileVersion, RepositoryFacts
from tokenaudit.content.changed_content import ContentLimits
from tokenaudit.content.judge import judge_change
from tokenaudit.content.rules import RULES
from tokenaudit.redaction import masked

_LAYOUT = 1
_TABLE = "CREATE TABLE IF NOT EXISTS judgements (key TEXT PRIMARY KEY, judgement BLOB)"
_MOST = 200_000
_RULES = hashlib.sha256("\n".join([__version__, *sorted(RULES)]).encode()).hexdigest()


def default_path() -> Path:
    """The cache folder of this system."""
    return user_cache_path("tokenaudit", appauthor=False) / "judgements.sqlite"


class Judgements:
    """Judges changes, and caches the judgements in memory and in the file `path` (None: only in memory).

    Thread-safe. A cache file that can't be used is ignored; `unusable` says why.
    """

    def __init__(self, path: Path | None = None, limits: ContentLimits | None = None) -> None:
        self._path = path
        self._limits = limits
        self._lock = threading.Lock()
        self._known: dict[str, ContentJudgement] = {}
        self._db: sqlite3.Connection | None = None
        self.unusable = ""
        self.judged = 0
        """Number of changes that were not in the cache."""

    def judge(self, change: FileChange, repository: RepositoryFacts) -> ContentJudgement:
        """The judgement of one change of `repository`; see `judge_change`."""
        key = self._key(change, repository)
        known = self._get(key) if key is not None else None
        if known is not None:
            return known
        judgement = judge_change(change, repository, self._limits)
        with self._lock:
            self.judged += 1
        if key is not None and not judgement.skipped:
            self._put(key, judgement)
        return judgement

    def close(self) -> None:
        """Writes the new judgements to the file."""
        with self._lock:
            if self._db is not None:
                self._db.commit()
                self._db.close()
                self._db = None

    def _key(self, change: FileChange, repository: RepositoryFacts) -> str | None:
        """The key of a judgement; None if a content has no id."""
        versions = [each for each in (change.before, change.after) if each is not None]
        if not all(each.content_id for each in versions):
            return None
        parts = [
            _RULES,
            repr(self._limits),
            change.change,
            [(each.path, each.size, each.content_id) for each in versions],
            change.before is None,
            repository.type,
            repository.holds_secrets,
            repository.hub_imports.get(change.path),
            _around(change, repository),
        ]
        return hashlib.sha256(json.dumps(parts, default=str).encode("utf-8", "backslashreplace")).hexdigest()

    def _get(self, key: str) -> ContentJudgement | None:
        with self._lock:
            if key in self._known:
                return self._known[key]
            db = self._opened()
            if db is None:
                return None
            try:
                row = db.execute("SELECT judgement FROM judgements WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error as error:
                self._give_up(error)
                return None
            found = _decoded(row[0]) if row else None
            if found is not None:
                self._known[key] = found
            return found

    def _put(self, key: str, judgement: ContentJudgement) -> None:
        kept = masked(judgement)
        with self._lock:
            self._known[key] = kept
            db = self._opened()
            if db is None:
                return
            try:
                db.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?)", (key, msgspec.json.encode(kept)))
            except sqlite3.Error as error:
                self._give_up(error)

    def _opened(self) -> sqlite3.Connection | None:
        if self._db is None and self._path is not None and not self.unusable:
            try:
                self._db = _open(self._path)
            except (sqlite3.DatabaseError, OSError) as error:
                self._give_up(error)
        return self._db

    def _give_up(self, error: Exception) -> None:
        self._db = None
        self.unusable = f"cache {self._path} can't be used ({error}); remove it"


_WEIGHTS = re.compile(
    r"\.(?:bin|pt|pth|th|ckpt|pkl|pickle|joblib|safetensors|gguf|onnx|h5|hdf5|keras|npy|npz|msgpack|nemo)$",
    re.IGNORECASE,
)
"""Names of files whose judgement depends only on the weights in the same folder."""


def _around(change: FileChange, repository: RepositoryFacts) -> object:
    """The related files: for weights those in the same folder, for code and texts the whole repository."""
    listings: list[Mapping[str, FileVersion]] = [repository.before, repository.after]
    if not _WEIGHTS.search(change.path):
        return [repository.id, *(_contents(files, files) for files in listings)]
    folder = change.path.rpartition("/")[0]
    near = [
        [path for path in files if path.rpartition("/")[0] == folder and _WEIGHTS.search(path)] for files in listings
    ]
    return [_contents(files, paths) for files, paths in zip(listings, near, strict=True)]


def _contents(files: Mapping[str, FileVersion], paths: Iterable[str]) -> str:
    """A digest of the contents of some files, by path."""
    listed = [(path, files[path].content_id) for path in sorted(paths)]
    return hashlib.sha256(json.dumps(listed).encode("utf-8", "backslashreplace")).hexdigest()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made before SQLite opens it, so that others can't read it even for a moment.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    try:
        return _prepared(path)
    except sqlite3.DatabaseError:
        path.unlink()
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = OFF")
        (layout,) = db.execute("PRAGMA user_version").fetchone()
        if layout != _LAYOUT:
            db.execute("DROP TABLE IF EXISTS judgements")
            db.execute(f"PRAGMA user_version = {_LAYOUT}")
        db.execute(_TABLE)
        (rows,) = db.execute("SELECT COUNT(*) FROM judgements").fetchone()
        if rows > _MOST:
            db.execute("DELETE FROM judgements")
        db.commit()
    except sqlite3.Error:
        db.close()
        raise
    return db


def _decoded(held: object) -> ContentJudgement | None:
    """The judgement; None if it is damaged or of another version, so that the change is judged again."""
    try:
        return msgspec.json.decode(held, type=ContentJudgement) if isinstance(held, (bytes, str)) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
