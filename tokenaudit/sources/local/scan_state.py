"""State of an earlier scan of a repository's history, so that the next scan reads only new objects.

A state contains ids of objects but no content: which were read, and which had detections. It is valid only for the
detectors that wrote it, and only as a whole: a state that doesn't match, or is damaged, is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tokenaudit import detect
from tokenaudit._version import __version__
from tokenaudit.detect.plugins import source
from tokenaudit.file_access import read_regular
from tokenaudit.interfaces import Scanner

_FORMAT = "tokenaudit/history-state/2"
_ID = 20


@dataclass(frozen=True)
class HistoryState:
    """`ids` are sorted raw ids of 20 bytes each; `hits` are (type, id) of objects with detections.

    `objects` and `bytes` count everything that was read for this state, whether or not the repository still has it.
    """

    ids: bytes
    hits: tuple[tuple[str, str], ...]
    objects: int = 0
    bytes: int = 0


def signature(scanner: Scanner) -> str | None:
    """Return a digest of the detectors: our code, plugins and limits. None for a scanner without plugins."""
    plugins = getattr(scanner, "plugins", None)
    if plugins is None:
        return None
    mark = hashlib.sha256(__version__.encode())
    mark.update(repr(getattr(scanner, "limits", None)).encode())
    own = sorted(path for folder in detect.__path__ for path in Path(folder).rglob("*.py"))
    for path in [*own, *sorted({plugin.path for plugin in plugins})]:
        mark.update(path.name.encode() + hashlib.sha256(source(path)).digest())
    return mark.hexdigest()


def load_state(file: Path, mark: str) -> HistoryState | None:
    """Return the state in `file` if it is intact and `mark` is the signature of the detectors that wrote it."""
    try:
        head, _, ids = read_regular(file).partition(b"\n")
        header = json.loads(head)
        fits = header["format"] == _FORMAT and header["detection"] == mark
        whole = header["sha256"] == _checksum(ids, header["hits"], header["read"])
        hits = tuple((str(kind), str(name)) for kind, name in header["hits"])
        objects, size = (int(number) for number in header["read"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no valid state: everything is read
    return HistoryState(ids, hits, objects, size) if fits and whole and len(ids) % _ID == 0 else None


def save_state(file: Path, mark: str, state: HistoryState) -> None:
    """Write the state atomically, readable only by its owner.

    Raises:
        OSError: the state can't be written.
    """
    hits = [list(hit) for hit in state.hits]
    read = [state.objects, state.bytes]
    checksum = _checksum(state.ids, hits, read)
    head = json.dumps({"format": _FORMAT, "detection": mark, "sha256": checksum, "hits": hits, "read": read})
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=file.name, dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(head.encode() + b"\n" + state.ids)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checksum(ids: bytes, hits: object, read: object) -> str:
    return hashlib.sha256(ids + json.dumps([hits, read]).encode()).hexdigest()
